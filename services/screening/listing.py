"""Keep the list of addresses whose payments are set aside."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from sqlalchemy import Text, cast, func, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError
from domain.rails import RAILS
from models.deposit import Deposit
from models.screening import DepositScreening, ListedAddress, ScreeningPolicy
from services import audit
from services.screening.gate import NotScreenable, mode_of, set_mode

BATCH = 1000


class SpellingRefused(StrongroomError):
    """A line of the list is not an address of its rail; nothing was added."""

    code: ClassVar[str] = "spelling_refused"


def spelled(chain: str, address: str) -> str:
    """The one spelling under which an address of this rail is compared. Raises NotScreenable, SpellingRefused."""
    if chain not in RAILS or not RAILS[chain].tells_senders:
        raise NotScreenable(f"{chain}: nobody can say who paid there")
    rail = RAILS[chain]
    try:
        text = rail.parse_destination(address.strip(), field="address").text
    except StrongroomError as refusal:
        raise SpellingRefused(f"{address.strip()[:60]!r} is not an address on {chain}: {refusal}") from refusal
    return text.lower() if rail.folds_case else text


def put_on(session: Session, chain: str, address: str, *, reason: str, now: datetime, by: Actor) -> str:
    """List an address, and have its rail look at the list from now on. Returns its spelling."""
    put_on_many(session, [(chain, address, reason)], now=now, by=by)
    return spelled(chain, address)


def put_on_many(session: Session, entries: Iterable[tuple[str, str, str]], *, now: datetime, by: Actor) -> int:
    """List (rail, address, reason) triples, all or none; returns how many are new.

    Their payments that are not credited yet are screened again. Raises NotScreenable, SpellingRefused.
    """
    rows = {(chain, spelled(chain, address)): reason for chain, address, reason in entries}
    added: list[tuple[str, str]] = []
    keys = sorted(rows)
    for first in range(0, len(keys), BATCH):
        values = [
            {"chain": chain, "address": address, "reason": rows[chain, address], "added_at": now, "added_by": by.name}
            for chain, address in keys[first : first + BATCH]
        ]
        statement = insert(ListedAddress).values(values).on_conflict_do_nothing()
        found = session.execute(statement.returning(ListedAddress.chain, ListedAddress.address))
        added += [(row.chain, row.address) for row in found]
    for chain in sorted({chain for chain, _ in added}):
        if mode_of(session, chain) == "off":
            set_mode(session, chain, "list", now=now, by=by)
        _look_again(session, chain, [address for where, address in added if where == chain], now=now)
    if added:
        detail = {"count": len(added), "first": [f"{chain} {address}" for chain, address in added[:20]]}
        audit.record(session, "screening.listed", by=by, now=now, detail=detail)
    return len(added)


def take_off(session: Session, chain: str, address: str, *, reason: str, now: datetime, by: Actor) -> bool:
    """Take an address off the list; False when it was not on it.

    Deposits that are set aside stay so until decided about.
    """
    row = session.get(ListedAddress, (chain, spelled(chain, address)), with_for_update=True)
    if row is None:
        return False
    detail = {"chain": chain, "address": row.address, "was_listed_for": row.reason, "reason": reason}
    session.delete(row)
    audit.record(session, "screening.unlisted", by=by, now=now, detail=detail)
    return True


def listed(
    session: Session,
    *,
    chain: str | None = None,
    search: str = "",
    after: tuple[str, str] = ("", ""),
    limit: int,
) -> Sequence[ListedAddress]:
    """A page of the list by address and rail, after this pair; `search` is part of an address or reason."""
    place = tuple_(ListedAddress.address, ListedAddress.chain)
    query = select(ListedAddress).where(place > tuple_(literal(after[0]), literal(after[1])))
    if chain is not None:
        query = query.where(ListedAddress.chain == chain)
    if search:
        columns = (ListedAddress.address, ListedAddress.reason)
        query = query.where(or_(*(column.icontains(search, autoescape=True) for column in columns)))
    return session.scalars(query.order_by(ListedAddress.address, ListedAddress.chain).limit(limit)).all()


def counts(session: Session) -> Mapping[str, int]:
    """How many addresses are listed of each rail that has any."""
    query = select(ListedAddress.chain, func.count().label("listed")).group_by(ListedAddress.chain)
    return {row.chain: row.listed for row in session.execute(query)}


def hits(session: Session, chain: str, senders: Collection[str]) -> Sequence[ListedAddress]:
    """Those of these senders who are listed."""
    wanted = spelled_by_node(chain, senders)
    query = select(ListedAddress).where(ListedAddress.chain == chain, ListedAddress.address.in_(wanted))
    return session.scalars(query.order_by(ListedAddress.address)).all()


def spelled_by_node(chain: str, senders: Collection[str]) -> list[str]:
    """Senders as a node reports them, spelled as on the list; what is no address stays as it is."""
    return sorted({sender.lower() if RAILS[chain].has_accounts else sender for sender in senders})


def _look_again(session: Session, chain: str, addresses: Collection[str], *, now: datetime) -> None:
    """Forget the results of uncredited deposits from these senders, so that they are screened again."""
    # A screening under way has finished by now, or waits here and then sees the new list.
    session.get(ScreeningPolicy, chain, with_for_update=True)
    senders = DepositScreening.senders
    paid_by_one = select(Deposit.id).where(
        Deposit.id == DepositScreening.deposit_id,
        Deposit.chain == chain,
        Deposit.state.in_(("seen", "confirming", "reorged")),
        senders.has_any(cast(list(addresses), ARRAY(Text))),
    )
    session.execute(
        update(DepositScreening)
        .where(DepositScreening.verdict == "clear", paid_by_one.exists())
        .values(verdict="waiting", due_at=now, reason="the list changed")
    )
