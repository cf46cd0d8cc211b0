"""How deep deposits must be: by all that their owner has on its way, so that no split makes an amount small."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.asset import Asset
from models.deposit import Deposit
from services.assets import confirmations_needed


def deepen(session: Session, found: Iterable[tuple[Deposit, Asset]]) -> None:
    """Have deposits that a block holds now ask for what their sum asks for, with those of the same owner and asset
    that are in blocks and not credited yet, which then ask for as much. Never for less than before.
    """
    confirming: dict[tuple[UUID, str], list[Deposit]] = defaultdict(list)
    money: dict[str, Asset] = {}
    for deposit, asset in found:
        # Whoever asks the same of every amount has nothing to sum.
        if deposit.state == "confirming" and len(asset.confirmation_tiers) > 1:
            confirming[deposit.user_id, deposit.asset_id].append(deposit)
            money[asset.asset_id] = asset
    if not confirming:
        return
    beside = _beside(session, confirming)
    for (user_id, asset_id), together in confirming.items():
        waiting_minor, least = beside.get((user_id, asset_id), (0, None))
        amount_minor = waiting_minor + sum(deposit.amount_minor for deposit in together)
        needed = confirmations_needed(money[asset_id], amount_minor)
        for deposit in together:
            deposit.confirmations_needed = max(deposit.confirmations_needed, needed)
        if least is not None and least < needed:
            _ask_for(session, user_id, asset_id, needed)


def _beside(
    session: Session, confirming: Mapping[tuple[UUID, str], Sequence[Deposit]]
) -> dict[tuple[UUID, str], tuple[int, int]]:
    """What else these owners have in blocks and not credited, by asset: the sum, and the least that one needs."""
    known = [deposit.id for together in confirming.values() for deposit in together]
    rows = session.execute(
        select(
            Deposit.user_id, Deposit.asset_id, func.sum(Deposit.amount_minor), func.min(Deposit.confirmations_needed)
        )
        .where(
            Deposit.state == "confirming",
            Deposit.user_id.in_({user_id for user_id, _ in confirming}),
            Deposit.id.not_in(known),
        )
        .group_by(Deposit.user_id, Deposit.asset_id)
    )
    return {(user_id, asset_id): (int(total), least) for user_id, asset_id, total, least in rows}


def _ask_for(session: Session, user_id: UUID, asset_id: str, needed: int) -> None:
    """Have what waits ask for as much; what somebody is crediting at this moment is let be."""
    less = (
        select(Deposit.id)
        .where(
            Deposit.state == "confirming",
            Deposit.user_id == user_id,
            Deposit.asset_id == asset_id,
            Deposit.confirmations_needed < needed,
        )
        .with_for_update(skip_locked=True)
    )
    session.execute(update(Deposit).where(Deposit.id.in_(less)).values(confirmations_needed=needed))
