"""Verification: recompute seals, running totals, pairs and account totals, and name the first row that differs."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection, Engine, TextClause, text
from sqlalchemy.orm import Session

from services.ledger.verify_sql import (
    ACCOUNTS,
    ALTERED_ROW,
    CHAIN,
    RESOLUTIONS,
    SEAL,
    SEAL_CHAIN,
    SIZES,
    TRANSACTIONS,
)

CHUNK = 50_000
SEALS_CHUNK = 100
WORKERS = 2
RANGED: Final[Mapping[str, tuple[TextClause, ...]]] = MappingProxyType(
    {
        "ledger_transactions": (TRANSACTIONS,),
        "ledger_transfers": (CHAIN, RESOLUTIONS),
        "ledger_accounts": (ACCOUNTS,),
    }
)
"""The queries that verify a range of ids, by table."""

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Altered:
    """The first row that contradicts the others: its table, its id and what differs."""

    table: str
    row_id: int
    differs: str

    def __str__(self) -> str:
        return f"{self.table} row {self.row_id}: {self.differs}"


@dataclass(frozen=True, slots=True)
class Report:
    """What was read, and the first altered row if there is one."""

    accounts: int
    transactions: int
    transfers: int
    seals: int
    finding: Altered | None


@dataclass(frozen=True, slots=True)
class _Step:
    """One query of a verification. `rows` is what it counts on the progress bar."""

    statement: TextClause
    facts: dict[str, int]
    rows: int


def size(engine: Engine) -> int:
    """How many rows a verification reads, for the length of a progress bar."""
    with engine.connect() as connection:
        return sum(step.rows for step in _steps(connection))


def verify(engine: Engine, *, progress: Progress = lambda _rows: None, workers: int = WORKERS) -> Report:
    """Verify the whole ledger while it is in use, in constant memory.

    Each query reads one range of ids in its own snapshot. `workers` connections take the ranges in order; after a
    finding no further range is begun, and the lowest finding is the answer. `progress` is called with the number of
    rows of each finished range.
    """
    with engine.connect() as connection:
        sizes = connection.execute(SIZES).one()
        steps = list(_steps(connection))
    findings: dict[int, Altered] = {}
    with ThreadPoolExecutor(workers) as pool:
        numbered = iter(enumerate(steps))
        running: dict[Future[Altered | None], int] = {}
        while not findings or running:
            wanted = 0 if findings else workers - len(running)
            running |= {pool.submit(_check, engine, step): number for number, step in islice(numbered, wanted)}
            if not running:
                break
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                number, finding = running.pop(future), future.result()
                if finding is not None:
                    findings[number] = finding
                progress(steps[number].rows)
    first = findings[min(findings)] if findings else None
    return Report(sizes.accounts, sizes.transactions, sizes.transfers, sizes.seals, first)


def altered(session: Session, table: str, *, first: int, last: int) -> Altered | None:
    """The first row of a range of one of the tables in `RANGED` that contradicts the others."""
    for statement in RANGED[table]:
        found = session.execute(statement, {"first": first, "last": last}).first()
        if found is not None:
            return Altered(*found)
    return None


def altered_seal(session: Session, *, first: int, last: int) -> Altered | None:
    """The first seal of a range that does not follow from the one before it, or does not match its rows."""
    found = session.execute(SEAL_CHAIN, {"first": first, "last": last}).first()
    for seal_id in range(first, last + 1):
        found = found or session.execute(SEAL, {"seal_id": seal_id}).first()
    return None if found is None else Altered(*found)


def _steps(connection: Connection) -> Iterator[_Step]:
    """Seals first, because they name the very row that was altered; then what the rows say of each other."""
    for start in _starts(connection, "ledger_seals", SEALS_CHUNK):
        yield _Step(SEAL_CHAIN, {"first": start, "last": start + SEALS_CHUNK - 1}, 0)
    seals = connection.execute(text("SELECT id, row_count FROM ledger_seals ORDER BY id"))
    for seal_id, rows in seals:
        yield _Step(SEAL, {"seal_id": seal_id}, rows)
    for table, statements in RANGED.items():
        for statement in statements:
            for start in _starts(connection, table, CHUNK):
                yield _Step(statement, {"first": start, "last": start + CHUNK - 1}, CHUNK)


def _starts(connection: Connection, table: str, chunk: int) -> range:
    first, last = connection.execute(text(f"SELECT min(id), max(id) FROM {table}")).one()  # noqa: S608 - ours
    return range(first or 0, (last or -1) + 1, chunk)


def _check(engine: Engine, step: _Step) -> Altered | None:
    with engine.connect() as connection:
        # A range is sorted in memory, and the time limit of requests does not apply here.
        connection.exec_driver_sql("SET LOCAL work_mem = '64MB'; SET LOCAL statement_timeout = 0")
        found = connection.execute(step.statement, step.facts).first()
        if found is None:
            return None
        if found.table_name == "ledger_seals" and step.statement is SEAL:
            return _altered_row(connection, step.facts["seal_id"]) or Altered(*found)
        return Altered(*found)


def _altered_row(connection: Connection, seal_id: int) -> Altered | None:
    """Within a seal whose leaves disagree, the first row that does."""
    subject = connection.execute(text("SELECT subject FROM ledger_seals WHERE id = :id"), {"id": seal_id}).scalar_one()
    found = connection.execute(ALTERED_ROW[subject], {"seal_id": seal_id}).first()
    return None if found is None else Altered(*found)
