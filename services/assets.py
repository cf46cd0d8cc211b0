"""The assets of this house, and their policies."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError
from domain.rail_rows import AssetRow, RailRow, token_policy
from domain.rails import RAILS
from models.asset import Asset, AssetContract, WithdrawalPolicy
from services import audit


class NoTokensThere(StrongroomError):
    """This rail has its own coin and no tokens."""

    code: ClassVar[str] = "no_tokens_there"


class AssetExists(StrongroomError):
    """An asset of this name, or of this contract, exists already."""

    code: ClassVar[str] = "asset_exists"


class UnknownAsset(StrongroomError):
    """There is no asset of that name here."""

    code: ClassVar[str] = "unknown_asset"


def every(session: Session) -> Sequence[Asset]:
    """All assets, by id."""
    return session.scalars(select(Asset).order_by(Asset.asset_id)).all()


def decimals(session: Session) -> Mapping[str, int]:
    """How many decimals each asset has."""
    return {row.asset_id: row.decimals for row in session.execute(select(Asset.asset_id, Asset.decimals))}


def get(session: Session, asset_id: str) -> Asset:
    """The asset with this id. Raises UnknownAsset."""
    asset = session.get(Asset, asset_id)
    if asset is None:
        raise UnknownAsset(f"there is no asset {asset_id!r} here", fields={"asset": ["is not an asset of this house"]})
    return asset


def policy(session: Session, asset_id: str) -> WithdrawalPolicy:
    """The withdrawal policy of an asset. Raises UnknownAsset."""
    found = session.get(WithdrawalPolicy, asset_id)
    if found is None:
        raise UnknownAsset(f"there is no asset {asset_id!r} here", fields={"asset": ["is not an asset of this house"]})
    return found


def of_chain(session: Session, chain: str) -> Sequence[Asset]:
    """The assets of one rail, by id."""
    return session.scalars(select(Asset).where(Asset.chain == chain).order_by(Asset.asset_id)).all()


def by_contract(session: Session, chain: str) -> Mapping[str, Asset]:
    """What counts as money on a rail: its assets by each of their contracts, the coin under ""."""
    rows = session.execute(
        select(AssetContract.contract, Asset)
        .join(Asset, Asset.asset_id == AssetContract.asset_id)
        .where(AssetContract.chain == chain)
    )
    return {row.contract: row.Asset for row in rows}


def ensure_rail(session: Session, rail: RailRow) -> None:
    """Insert a rail's assets and policies where they are missing. What an operator has changed stays."""
    for row in rail.assets:
        ensure_asset(session, row)


def ensure_asset(session: Session, row: AssetRow) -> None:
    """Insert one asset and its policy if they are missing."""
    defaults = row.policy
    session.execute(
        insert(Asset)
        .values(
            asset_id=row.asset_id,
            chain=row.chain,
            symbol=row.symbol,
            name=row.name,
            decimals=row.decimals,
            contract=row.contract,
            minimum_deposit_minor=defaults.deposit_min_minor,
            confirmation_tiers=[[tier.below_amount_minor, tier.confirmations] for tier in row.confirmation_tiers],
        )
        .on_conflict_do_nothing()
    )
    session.execute(
        insert(WithdrawalPolicy)
        .values(
            asset_id=row.asset_id,
            minimum_minor=defaults.withdrawal_min_minor,
            fee_minor=defaults.withdrawal_fee_minor,
            network_fee_cap_minor=defaults.network_fee_max_minor,
            auto_limit_minor=defaults.auto_approve_max_minor,
            daily_user_limit_minor=defaults.user_daily_max_minor,
            daily_system_limit_minor=defaults.system_daily_max_minor,
            two_approvals_above_minor=defaults.two_approvers_from_minor,
            key_cooldown_s=86_400,
            confirmations=row.confirmation_tiers[0].confirmations,
            paused=defaults.paused,
        )
        .on_conflict_do_nothing()
    )
    session.execute(
        insert(AssetContract)
        .values(
            [
                {"chain": row.chain, "contract": contract, "asset_id": row.asset_id}
                for contract in row.contracts or ("",)
            ]
        )
        .on_conflict_do_nothing()
    )


def contracts_of(session: Session, asset_id: str) -> Sequence[str]:
    """The contracts that stand for an asset; "" for the coin."""
    query = select(AssetContract.contract).where(AssetContract.asset_id == asset_id).order_by(AssetContract.contract)
    return session.scalars(query).all()


def add_token(
    session: Session, rail: RailRow, contract: str, *, symbol: str, decimals: int, name: str, now: datetime, by: Actor
) -> Asset:
    """Have a token count as money from now on. Raises NoTokensThere, AssetExists, InvalidAddress."""
    spelled = _spelled(rail, contract)
    row = AssetRow(
        asset_id=f"{symbol}.{rail.chain}",
        chain=rail.chain,
        symbol=symbol,
        name=name,
        decimals=decimals,
        policy=token_policy(decimals, rail.coin.policy.network_fee_max_minor),
        confirmation_tiers=rail.coin.confirmation_tiers[-1:],
        contracts=(spelled,),
    )
    if session.get(Asset, row.asset_id) is not None or session.get(AssetContract, (rail.chain, spelled)) is not None:
        raise AssetExists
    ensure_rail(session, rail)
    ensure_asset(session, row)
    detail = {"asset_id": row.asset_id, "contract": spelled}
    audit.record(session, "asset.added", by=by, now=now, detail=detail)
    return get(session, row.asset_id)


def add_mirror(session: Session, asset_id: str, contract: str, *, now: datetime, by: Actor) -> str:
    """Have another contract stand for an asset. Returns its spelling. Raises UnknownAsset and what add_token does."""
    asset = get(session, asset_id)
    spelled = _spelled(RAILS[asset.chain], contract)
    if asset.contract is None:
        raise NoTokensThere(f"{asset_id} is a coin: no contract stands for it")
    if session.get(AssetContract, (asset.chain, spelled)) is not None:
        raise AssetExists
    session.add(AssetContract(chain=asset.chain, contract=spelled, asset_id=asset_id))
    detail = {"asset_id": asset_id, "contract": spelled}
    audit.record(session, "asset.contract_added", by=by, now=now, detail=detail)
    return spelled


def _spelled(rail: RailRow, contract: str) -> str:
    if not rail.has_accounts:
        raise NoTokensThere
    spelled = rail.parse_destination(contract, field="contract").text
    return spelled.lower() if rail.folds_case else spelled


def confirmations_needed(asset: Asset, amount_minor: int) -> int:
    """How many confirmations a deposit of this amount needs; the last tier covers every larger amount."""
    for below_minor, confirmations in asset.confirmation_tiers:
        if below_minor is None or amount_minor < below_minor:
            return int(confirmations)
    return int(asset.confirmation_tiers[-1][1])
