"""The rules that claimed payments of each asset must satisfy."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.claim_reading import ClaimQuestion
from domain.rail_rows import ConfirmationTier
from domain.rails import RAILS
from domain.verification import DEFAULT_AGE_MAX, ClaimRule
from models.asset import Asset
from models.verification import PaymentVerification, VerificationRule
from services import assets, audit, prices

TOLERANCE_DOLLARS = Decimal("0.50")
# The symbols of shipped assets of which one unit is a dollar.
DOLLARS = frozenset({"USDT", "USDC"})


def rule_of(session: Session, asset: Asset, *, credits_user: bool, now: datetime) -> ClaimRule:
    """The rule that an operator set for this asset, with defaults for what they left open.

    The default tolerance is half a dollar at the reference price; without a price, half a unit of a shipped dollar
    token, and zero for anything else.
    """
    own = session.get(VerificationRule, asset.asset_id) or VerificationRule(asset_id=asset.asset_id)
    tolerance_minor = own.tolerance_minor if own.tolerance_minor is not None else _half_a_dollar(session, asset, now)
    tiers = [
        ConfirmationTier(None if below is None else int(below), int(count)) for below, count in asset.confirmation_tiers
    ]
    return ClaimRule(
        tolerance_minor=tolerance_minor,
        age_max=timedelta(seconds=own.age_max_s) if own.age_max_s else DEFAULT_AGE_MAX,
        tiers=[ConfirmationTier(None, own.confirmations)] if own.confirmations else tiers,
        minimum_minor=asset.minimum_deposit_minor if credits_user else 1,
    )


def _half_a_dollar(session: Session, asset: Asset, now: datetime) -> int:
    price = prices.of_assets(session, [asset], now=now).get(asset.asset_id)
    if price is not None:
        return int(TOLERANCE_DOLLARS * 10**asset.decimals / price.price)
    shipped = RAILS[asset.chain].assets if asset.chain in RAILS else ()
    is_dollars = any(row.asset_id == asset.asset_id and row.symbol in DOLLARS for row in shipped)
    return int(TOLERANCE_DOLLARS * 10**asset.decimals) if is_dollars else 0


def set_rule(
    session: Session,
    asset_id: str,
    *,
    tolerance_minor: int | None,
    age_max_s: int | None,
    confirmations: int | None,
    now: datetime,
    by: Actor,
) -> None:
    """Ask this of claimed payments of an asset from now on; None means the default. Raises UnknownAsset."""
    assets.get(session, asset_id)
    limits = {"tolerance_minor": tolerance_minor, "age_max_s": age_max_s, "confirmations": confirmations}
    session.merge(VerificationRule(asset_id=asset_id, **limits))
    detail = {"asset_id": asset_id, **{name: str(value) for name, value in limits.items()}}
    audit.record(session, "verification.rule_set", by=by, now=now, detail=detail)


def question_of(session: Session, row: PaymentVerification) -> ClaimQuestion:
    """What providers are asked about a claim: its transaction and recipient, and what counts as money on its chain.

    Of a verified claim, only whether the transaction is still there: few nodes remember balances of an hour ago.
    """
    return questions_of(session, [row])[0]


def questions_of(session: Session, rows: Sequence[PaymentVerification]) -> list[ClaimQuestion]:
    """The same for several claims, in order; what counts as money on a chain is looked up once."""
    money = {
        chain: {contract: asset.contract or "" for contract, asset in assets.by_contract(session, chain).items()}
        for chain in {row.chain for row in rows}
    }
    return [
        ClaimQuestion(row.tx_hash, money[row.chain], "" if row.state == "verified" else row.recipient) for row in rows
    ]
