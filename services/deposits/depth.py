"""How deep deposits must be: by all that their owner has on its way, so that no split makes an amount small."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import chain as chained
from uuid import UUID

from sqlalchemy import select, tuple_
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
    known = {deposit.id for deposit in chained.from_iterable(confirming.values())}
    for deposit in _waiting(session, confirming):
        if deposit.id not in known:
            confirming[deposit.user_id, deposit.asset_id].append(deposit)
    for (_, asset_id), together in confirming.items():
        needed = confirmations_needed(money[asset_id], sum(deposit.amount_minor for deposit in together))
        for deposit in together:
            deposit.confirmations_needed = max(deposit.confirmations_needed, needed)


def _waiting(session: Session, owners: Iterable[tuple[UUID, str]]) -> Iterable[Deposit]:
    """What these owners have in blocks and not credited; what somebody is crediting at this moment is let be."""
    return session.scalars(
        select(Deposit)
        .where(
            Deposit.state == "confirming",
            Deposit.user_id.in_({user_id for user_id, _ in owners}),
            tuple_(Deposit.user_id, Deposit.asset_id).in_(list(owners)),
        )
        .with_for_update(skip_locked=True)
    )
