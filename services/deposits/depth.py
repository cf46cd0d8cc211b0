"""How many confirmations deposits need: by their owner's sum, and by the sum that one block would let through."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from models.asset import Asset
from models.deposit import Deposit
from services.assets import confirmations_needed

Found = Sequence[tuple[Deposit, Asset]]


class _Counted(NamedTuple):
    """One deposit of a block; they are counted smallest first."""

    amount_minor: int
    id: UUID
    needed: int


def deepen(session: Session, found: Iterable[tuple[Deposit, Asset]]) -> None:
    """Raise the confirmations that deposits of one chain need, now that a block holds them; never lower them.

    An owner's uncredited deposits of an asset that are in blocks count as one amount, so that splitting it gains
    nothing. And of all that one block pays in an asset, no more may be credited after few confirmations than of a
    single payment, smallest deposits first, so that nobody waits because of a larger one. So whoever undoes a block
    gains no more with many accounts than with one.
    """
    # With a single tier the sums change nothing.
    confirming = [
        (row, asset) for row, asset in found if row.state == "confirming" and len(asset.confirmation_tiers) > 1
    ]
    if confirming:
        _by_owner(session, confirming)
        _by_block(session, confirming)


def _by_owner(session: Session, found: Found) -> None:
    """Each deposit, and those of the same owner that wait already, need what their sum needs."""
    mine: dict[tuple[UUID, str], list[Deposit]] = defaultdict(list)
    money = {asset.asset_id: asset for _, asset in found}
    for deposit, _ in found:
        mine[deposit.user_id, deposit.asset_id].append(deposit)
    beside = _beside(session, mine)
    for (user_id, asset_id), together in mine.items():
        waiting_minor, least = beside.get((user_id, asset_id), (0, None))
        amount_minor = waiting_minor + sum(deposit.amount_minor for deposit in together)
        needed = confirmations_needed(money[asset_id], amount_minor)
        for deposit in together:
            deposit.confirmations_needed = max(deposit.confirmations_needed, needed)
        if least is not None and least < needed:
            _ask_for(session, (Deposit.user_id == user_id, Deposit.asset_id == asset_id), needed)


def _by_block(session: Session, found: Found) -> None:
    """Each deposit needs what the sum of it and all smaller ones in its block and asset needs."""
    new: dict[tuple[str, int], list[Deposit]] = defaultdict(list)
    money = {asset.asset_id: asset for _, asset in found}
    for deposit, _ in found:
        new[deposit.asset_id, deposit.block_height or 0].append(deposit)
    known = _in_these_blocks(session, found)
    for (asset_id, height), together in new.items():
        others = known.get((asset_id, height), [])
        own = {deposit.id: deposit for deposit in together}
        counted = sorted([*others, *(_Counted(row.amount_minor, row.id, 0) for row in together)])
        running_minor = 0
        for item in counted:
            running_minor += item.amount_minor
            needed = confirmations_needed(money[asset_id], running_minor)
            if item.id in own:
                own[item.id].confirmations_needed = max(own[item.id].confirmations_needed, needed)
            elif item.needed < needed:
                _ask_for(session, (Deposit.id == item.id,), needed)


def _beside(
    session: Session, mine: Mapping[tuple[UUID, str], Sequence[Deposit]]
) -> dict[tuple[UUID, str], tuple[int, int]]:
    """What else these owners have uncredited in blocks, by asset: the sum, and the least confirmations needed."""
    known = [deposit.id for together in mine.values() for deposit in together]
    rows = session.execute(
        select(
            Deposit.user_id, Deposit.asset_id, func.sum(Deposit.amount_minor), func.min(Deposit.confirmations_needed)
        )
        .where(
            Deposit.state == "confirming",
            Deposit.user_id.in_({user_id for user_id, _ in mine}),
            Deposit.id.not_in(known),
        )
        .group_by(Deposit.user_id, Deposit.asset_id)
    )
    return {(user_id, asset_id): (int(total), least) for user_id, asset_id, total, least in rows}


def _in_these_blocks(session: Session, found: Found) -> Mapping[tuple[str, int], Sequence[_Counted]]:
    """The other deposits known in these blocks, by asset and height: there are some when a block is read again."""
    rows = session.execute(
        select(
            Deposit.asset_id, Deposit.block_height, Deposit.amount_minor, Deposit.id, Deposit.confirmations_needed
        ).where(
            Deposit.chain == found[0][0].chain,
            Deposit.block_height.in_({deposit.block_height for deposit, _ in found}),
            Deposit.state.in_(("confirming", "credited")),
            Deposit.id.not_in([deposit.id for deposit, _ in found]),
        )
    )
    known: dict[tuple[str, int], list[_Counted]] = defaultdict(list)
    for asset_id, height, amount_minor, deposit_id, needed in rows:
        known[asset_id, height or 0].append(_Counted(amount_minor, deposit_id, needed))
    return known


def _ask_for(session: Session, which: Sequence[ColumnElement[bool]], needed: int) -> None:
    """Raise what these waiting deposits need, except those that are being credited right now."""
    less = (
        select(Deposit.id)
        .where(Deposit.state == "confirming", Deposit.confirmations_needed < needed, *which)
        .with_for_update(skip_locked=True)
    )
    session.execute(update(Deposit).where(Deposit.id.in_(less)).values(confirmations_needed=needed))
