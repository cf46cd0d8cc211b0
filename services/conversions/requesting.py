"""Request a conversion on a quote: the quote is used up, and what is sold is held."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.conversions import spell_rate
from domain.crash import crash_point
from domain.errors import StrongroomError, ensure
from domain.flows import CONVERSION
from domain.ids import new_id
from domain.ledger import Hold, InsufficientFunds, Transaction
from domain.money import format_amount
from models.asset import Asset
from models.conversion import Conversion, ConversionQuote
from services import assets, audit, flows, ledger, outbox, spending
from services.conversions import floats, pairs
from services.conversions.reading import ConversionView, quote_of


class QuoteUsed(StrongroomError):
    """The quote was used already: request another one."""

    code: ClassVar[str] = "quote_used"


class QuoteExpired(StrongroomError):
    """The quote has expired: request another one."""

    code: ClassVar[str] = "quote_expired"


def request(
    session: Session, quote_id: UUID, *, user_id: UUID, now: datetime, by: Actor, client_id: str | None = None
) -> ConversionView:
    """Hold what the quote takes, and promise the conversion. A quote can be used once.

    An app (`client_id`) uses its own quotes; a person uses any quote that they or their apps asked for. Raises
    QuoteNotFound, QuoteUsed, QuoteExpired, ConversionPairMissing, ConversionPairPaused, InsufficientFunds,
    SpendingLimitExceeded (for an app: all that is taken counts against its limit of the asset sold).
    """
    quote = _use(session, quote_id, user_id=user_id, client_id=client_id, now=now)
    pairs.usable(session, quote.from_asset_id, quote.to_asset_id)
    sold, bought = assets.get(session, quote.from_asset_id), assets.get(session, quote.to_asset_id)
    detail = {
        "to_asset": bought.asset_id,
        "receives": format_amount(quote.receives_minor, bought.decimals),
        "rate": spell_rate(quote.rate),
    }
    opening = flows.Opening(CONVERSION, "requested", user_id, sold.asset_id, quote.taken_minor, detail)
    flow_id = flows.open_one(session, opening, now=now, by=by)
    conversion = Conversion(
        id=new_id(),
        quote_id=quote.id,
        user_id=user_id,
        state="requested",
        requested_at=now,
        state_changed_at=now,
        due_at=now,
        flow_id=flow_id,
        lease_generation=0,
        attempts=0,
    )
    _hold(session, conversion, quote, sold, now=now)
    spending.count(session, sold, flow_id=flow_id, amount_minor=quote.taken_minor, now=now, by=by)
    session.add(conversion)
    session.flush()
    audit.record(session, "conversion.requested", by=by, now=now, detail={"conversion_id": str(conversion.id)})
    outbox.promise(session, "conversions.settle", now=now)
    crash_point("conversion.requested")
    return ConversionView(conversion, quote)


def _use(session: Session, quote_id: UUID, *, user_id: UUID, client_id: str | None, now: datetime) -> ConversionQuote:
    """Use the quote up. A concurrent request for the same quote waits here, and then finds it used."""
    used = session.execute(
        update(ConversionQuote)
        .where(
            ConversionQuote.id == quote_id,
            ConversionQuote.user_id == user_id,
            ConversionQuote.used_at.is_(None),
            ConversionQuote.expires_at > now,
        )
        .values(used_at=now)
        .returning(ConversionQuote.id)
        .execution_options(synchronize_session=False)
    ).first()
    # If it is not the caller's to use, this refuses, and the rollback leaves the quote unused.
    quote = quote_of(session, quote_id, user_id=user_id, client_id=client_id)
    if used is None:
        raise QuoteUsed if quote.used_at is not None else QuoteExpired
    return quote


def _hold(session: Session, conversion: Conversion, quote: ConversionQuote, sold: Asset, *, now: datetime) -> None:
    owner = ledger.user_account(session, conversion.user_id, sold.asset_id)
    parts = (
        (quote.net_minor, floats.account(session, sold.asset_id)),
        (quote.spread_minor, ledger.system_account(session, "conversion_spread", sold.asset_id)),
        (quote.fee_minor, ledger.system_account(session, "conversion_income", sold.asset_id)),
    )
    transaction = Transaction(
        key=f"conversion:{conversion.id}:hold",
        kind="conversion_hold",
        legs=tuple(Hold(owner, account, minor) for minor, account in parts if minor),
        flow_id=conversion.flow_id,
        effective_at=now,
    )
    [outcome] = ledger.post(session, [transaction])
    if outcome.refused == "insufficient_funds":
        total = format_amount(quote.taken_minor, sold.decimals)
        reason = f"this takes {total} {sold.symbol}, which is more than is available"
        raise InsufficientFunds(f"amount: {reason}", fields={"amount": [reason]})
    ensure(outcome.refused is None, f"the ledger refused a hold: {outcome.refused}")
    held = iter(outcome.transfer_ids)
    conversion.net_hold_id, conversion.spread_hold_id, conversion.fee_hold_id = (
        next(held),
        next(held) if quote.spread_minor else None,
        next(held) if quote.fee_minor else None,
    )
