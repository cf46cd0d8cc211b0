"""How fast the ledger posts and verifies, next to pgbench's hand-written transfer on the same server."""

import multiprocessing
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import fmean
from uuid import uuid4

from sqlalchemy import Engine, make_url, text
from sqlalchemy.orm import Session

from domain.ids import new_id
from domain.ledger import Outcome, Transaction, Transfer
from services.ledger import post
from services.ledger.accounts import split, system_account, user_account
from services.ledger.seals import seal
from services.ledger.verify import verify
from wiring.database import make_engine
from wiring.posting import post_alone
from wiring.secret import Secret

CALLERS = 8
ACCOUNTS = 2_000
SHARDS = 32
BATCH = 500

_FLOOR_TABLES = """
DROP TABLE IF EXISTS bench_floor_entries, bench_floor_accounts;
CREATE TABLE bench_floor_accounts (id bigint PRIMARY KEY, balance numeric(78, 0) NOT NULL CHECK (balance >= 0))
    WITH (fillfactor = 70);
CREATE TABLE bench_floor_entries (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id bigint NOT NULL,
    amount numeric(78, 0) NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
INSERT INTO bench_floor_accounts SELECT n, 1000000000 FROM generate_series(1, {accounts}) AS n;
ANALYZE bench_floor_accounts;
"""
_FLOOR_SCRIPT = """\\set a random(1, {accounts} - 1)
\\set b random(:a + 1, {accounts})
\\set n random(1, 100)
BEGIN;
UPDATE bench_floor_accounts SET balance = balance - :n WHERE id = :a;
UPDATE bench_floor_accounts SET balance = balance + :n WHERE id = :b;
INSERT INTO bench_floor_entries (account_id, amount) VALUES (:a, 0 - :n);
INSERT INTO bench_floor_entries (account_id, amount) VALUES (:b, :n);
COMMIT;
"""


def measure(
    app_url: str, owner_url: str, pgbench: Path, asset_id: str, *, seconds: float = 9, verify_rows: int = 250_000
) -> dict[str, float]:
    """All ledger figures of one server: the ratios and rate that DESIGN 10 names, and the raw ones they come from.

    `owner_url` may create tables; `asset_id` is an asset that exists. Everything stays durable: no setting is changed.
    """
    users, hot = _prepare(app_url, asset_id)
    analyse(owner_url)
    # What is compared is measured in turns, so that a slow spell of the machine does not land on one of them only.
    floor, single, batch = [], [], []
    for _ in range(3):
        floor.append(floor_per_s(owner_url, pgbench, seconds=seconds / 3))
        single.append(_callers(app_url, seconds / 3, _Spread(users), batch=1))
        batch.append(_callers(app_url, seconds / 3, _Spread(users), batch=BATCH, callers=2))
    spread, through_hot = [], []
    for _ in range(2):
        spread.append(_callers(app_url, seconds / 2, _Spread(users), batch=1))
        through_hot.append(_callers(app_url, seconds / 2, _Through(users, hot), batch=1))
    load(app_url, users, verify_rows)
    analyse(owner_url)
    floor_rate, single_rate, batch_rate = map(fmean, (floor, single, batch))
    spread_rate, hot_rate = map(fmean, (spread, through_hot))
    return {
        "ledger_floor_per_s": floor_rate,
        "ledger_single_per_s": single_rate,
        "ledger_batch_per_s": batch_rate,
        "ledger_hot_per_s": hot_rate,
        "ledger_single": single_rate / floor_rate,
        "ledger_batch": batch_rate / floor_rate,
        "ledger_hot": hot_rate / spread_rate,
        "ledger_verify_per_s": verify_per_s(app_url),
    }


def floor_per_s(owner_url: str, pgbench: Path, *, seconds: float) -> float:
    """Transfers per second of pgbench's 8 clients: two updates and two inserts, written by hand."""
    engine = _engine(owner_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(_FLOOR_TABLES.format(accounts=ACCOUNTS))
    engine.dispose()
    url = make_url(owner_url)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "transfer.sql"
        script.write_text(_FLOOR_SCRIPT.format(accounts=ACCOUNTS))
        address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        done = subprocess.run(
            [pgbench, "-n", "-c", str(CALLERS), "-j", "2", "-T", str(max(1, round(seconds))), "-f", script, address],
            check=True,
            capture_output=True,
            text=True,
        )
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if found is None:
        raise RuntimeError(f"pgbench said nothing of tps: {done.stdout}{done.stderr}")
    return float(found[1])


def verify_per_s(app_url: str) -> float:
    """Transfers per second that a full verification reads, everything sealed first."""
    engine = _engine(app_url)
    made = 1
    for _ in range(1_000):
        with Session(engine) as session, session.begin():
            was, made = made, seal(session)
        if was == made == 0:
            break
    started = time.perf_counter()
    report = verify(engine)
    elapsed = time.perf_counter() - started
    engine.dispose()
    if report.finding is not None:
        raise RuntimeError(f"the ledger does not verify: {report.finding}")
    return report.transfers / elapsed


def load(app_url: str, users: list[int], transfers: int) -> None:
    """Add so many transfers, in batches."""
    engine = _engine(app_url)
    legs = _Spread(users)(0)
    for _ in range(transfers // 1_000):
        with Session(engine) as session, session.begin():
            post(session, [_transaction(next(legs)) for _ in range(1_000)])
    engine.dispose()


def analyse(owner_url: str) -> None:
    """Refresh the planner's statistics, as autovacuum does in its own time."""
    engine = _engine(owner_url).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("VACUUM ANALYZE ledger_accounts, ledger_transactions, ledger_transfers"))
    engine.dispose()


def _engine(url: str) -> Engine:
    return make_engine(Secret(url), pool_size=2, statement_timeout_s=600, lock_timeout_s=10, name="bench")


def _prepare(app_url: str, asset_id: str) -> tuple[list[int], int]:
    """Open the accounts and give every user something to spend, through a hot account that is split."""
    engine = _engine(app_url)
    with Session(engine) as session, session.begin():
        hot = system_account(session, "hot_wallet", asset_id)
        split(session, hot, shards=SHARDS)
        users = [user_account(session, new_id(), asset_id) for _ in range(ACCOUNTS)]
    with Session(engine) as session, session.begin():
        post(session, [_transaction(Transfer(hot, user, 1_000_000_000)) for user in users])
    engine.dispose()
    return users, hot


def _transaction(leg: Transfer) -> Transaction:
    return Transaction(f"bench:{uuid4()}", "bench", (leg,), datetime.now(UTC))


Legs = Callable[[int], Iterator[Transfer]]


class _Spread:
    """Transfers between two random users."""

    def __init__(self, users: list[int]) -> None:
        self.users = users

    def __call__(self, seed: int) -> Iterator[Transfer]:
        dice = random.Random(seed)
        while True:
            debit, credit = dice.sample(self.users, 2)
            yield Transfer(debit, credit, dice.randint(1, 100))


class _Through:
    """Transfers from a random user to one account that all share."""

    def __init__(self, users: list[int], hot: int) -> None:
        self.users, self.hot = users, hot

    def __call__(self, seed: int) -> Iterator[Transfer]:
        dice = random.Random(seed)
        while True:
            yield Transfer(dice.choice(self.users), self.hot, dice.randint(1, 100))


@dataclass(frozen=True)
class _Work:
    """What each calling process does: calls of `batch` transfers for so many seconds."""

    app_url: str
    seconds: float
    legs: Legs
    batch: int


def _callers(app_url: str, seconds: float, legs: Legs, *, batch: int, callers: int = CALLERS) -> float:
    """Committed transfers per second of so many processes, each posting calls of `batch`."""
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(callers + 1)
    rates: Queue[float] = context.Queue()
    work = _Work(app_url, seconds, legs, batch)
    processes = [
        context.Process(target=_call, args=(work, random.getrandbits(32), barrier, rates)) for _ in range(callers)
    ]
    for process in processes:
        process.start()
    barrier.wait(timeout=60)
    total = sum(rates.get(timeout=seconds + 60) for _ in processes)
    for process in processes:
        process.join()
    return total


def _call(work: _Work, seed: int, barrier: Barrier, rates: "Queue[float]") -> None:
    engine = _engine(work.app_url)
    source = work.legs(seed)
    # The first calls on a connection plan what later ones repeat.
    for _ in range(3):
        _post(engine, [_transaction(next(source)) for _ in range(work.batch)])
    barrier.wait(timeout=60)
    started = time.perf_counter()
    done, elapsed = 0, 0.0
    while elapsed < work.seconds:
        outcomes = _post(engine, [_transaction(next(source)) for _ in range(work.batch)])
        done += sum(outcome.refused is None for outcome in outcomes)
        elapsed = time.perf_counter() - started
    rates.put(done / elapsed)


def _post(engine: Engine, transactions: list[Transaction]) -> list[Outcome]:
    """One call, durable when it returns."""
    if len(transactions) == 1:
        return [post_alone(engine, transactions[0])]
    with Session(engine) as session, session.begin():
        return post(session, transactions)
