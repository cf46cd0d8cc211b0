"""Find the ledger accounts of many depositors at once."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.house import HOUSE_ID
from domain.ledger import USER_CODE
from models.deposit import Deposit
from models.ledger import LedgerAccount
from services import ledger


def of_owners(session: Session, deposits: Iterable[Deposit]) -> Mapping[tuple[UUID, str], int]:
    """The accounts of these deposits' owners, by (user, asset): one query, and one more for each new account.

    The house's own deposits, which fund it, go to owner's equity.
    """
    wanted = {(deposit.user_id, deposit.asset_id) for deposit in deposits}
    found = {
        (HOUSE_ID, asset_id): ledger.system_account(session, "owner_equity", asset_id)
        for user_id, asset_id in sorted(wanted)
        if user_id == HOUSE_ID
    }
    people = wanted - found.keys()
    if not people:
        return found
    rows = session.execute(
        select(LedgerAccount.owner_id, LedgerAccount.asset_id, LedgerAccount.id).where(
            LedgerAccount.owner_id.in_({user_id for user_id, _ in people}),
            LedgerAccount.code == USER_CODE,
            LedgerAccount.shard == 0,
        )
    )
    found |= {(owner_id, asset_id): account_id for owner_id, asset_id, account_id in rows if owner_id is not None}
    for user_id, asset_id in sorted(people - found.keys()):
        found[user_id, asset_id] = ledger.user_account(session, user_id, asset_id)
    return found
