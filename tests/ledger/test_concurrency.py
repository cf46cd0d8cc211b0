"""Many connections at once: nothing is lost, spent twice or waited for in a circle."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Barrier

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from domain.ledger import Hold, Outcome, Post, Transfer, Void
from services.ledger import post
from services.ledger.verify import verify
from tests.ledger.conftest import Books, transaction
from tests.plans import use_indexes


@pytest.fixture
def crowd(books: Books) -> Iterator[Books]:
    """The same ledger through as many connections as a test has threads."""
    engine = create_engine(books.engine.url, pool_size=50, max_overflow=0)
    yield Books(engine)
    engine.dispose()


def at_once(work: Sequence[Callable[[], Outcome]], workers: int) -> list[Outcome]:
    with ThreadPoolExecutor(workers) as pool:
        return [future.result() for future in [pool.submit(item) for item in work]]


def assert_sound(engine: Engine) -> None:
    report = verify(engine)
    assert report.finding is None, report.finding


@pytest.mark.parametrize("shards", [0, 8])
def test_a_thousand_holds_of_three_on_a_thousand_accept_333(crowd: Books, shards: int) -> None:
    user, hot = crowd.user(funds=1_000), crowd.hot()
    if shards:
        crowd.split(hot, shards)
    outcomes = at_once([lambda: crowd.one(Hold(user, hot, 3)) for _ in range(1_000)], 50)
    assert Counter(outcome.refused for outcome in outcomes) == {None: 333, "insufficient_funds": 667}
    assert crowd.balance(user) == (1_000, 999)
    assert_sound(crowd.engine)


def test_transfers_in_opposite_orders_never_deadlock(crowd: Books) -> None:
    users = [crowd.user(funds=1_000) for _ in range(4)]
    crowd.split(crowd.hot(), 2)
    crowd.split(crowd.hot(code="withdrawal_fees"), 2)
    ends = [*users, crowd.hot(), crowd.hot(code="withdrawal_fees")]
    pairs = [(debit, credit) for debit in ends for credit in ends if debit != credit]

    def single(turn: int) -> Outcome:
        debit, credit = pairs[turn % len(pairs)]
        return crowd.one(Transfer(debit, credit, 1))

    def batch(turn: int) -> Outcome:
        order = pairs[turn % len(pairs) :] + pairs[: turn % len(pairs)]
        return crowd.post([transaction(Transfer(debit, credit, 1)) for debit, credit in order])[0]

    work = [partial(batch if turn % 10 == 0 else single, turn) for turn in range(400)]
    assert {outcome.refused for outcome in at_once(work, 16)} == {None}
    assert sum(crowd.balance(user)[0] for user in users) <= 4_000
    assert_sound(crowd.engine)


@pytest.mark.parametrize("hot_only", [False, True], ids=["a user's money", "between house accounts"])
def test_one_key_sent_by_many_at_once_counts_once(crowd: Books, *, hot_only: bool) -> None:
    owner, hot = crowd.hot(code="owner_equity"), crowd.hot()
    crowd.split(hot, 4)
    crowd.split(owner, 4)
    other = owner if hot_only else crowd.user(funds=100)
    before = crowd.balance(hot)[0]
    start = Barrier(8)

    def send() -> Outcome:
        start.wait(timeout=30)
        return crowd.one(Transfer(hot, other, 7), key="same")

    outcomes = at_once([send] * 8, 8)
    assert {outcome.refused for outcome in outcomes} == {None}
    assert len({outcome.transaction_id for outcome in outcomes}) == 1
    assert sorted(outcome.replayed for outcome in outcomes) == [False] + [True] * 7
    assert abs(crowd.balance(hot)[0] - before) == 7


def test_a_hold_that_many_resolve_at_once_is_resolved_once(crowd: Books) -> None:
    user, hot = crowd.user(funds=100), crowd.hot()
    hold = crowd.one(Hold(user, hot, 10)).transfer_ids[0]
    outcomes = at_once([lambda: crowd.one(Post(hold)), lambda: crowd.one(Void(hold))] * 8, 16)
    assert Counter(outcome.refused for outcome in outcomes) == {None: 1, "hold_already_resolved": 15}
    assert crowd.balance(user)[1] == 0


def test_a_hot_account_is_not_waited_for_once_it_is_split(crowd: Books) -> None:
    """Someone keeps a transaction open that paid from the hot wallet; the next payment goes through beside it."""
    hot, first, second = crowd.hot(), crowd.user(), crowd.user()
    crowd.split(hot, 8)
    with holding(crowd, Transfer(hot, first, 1)):
        assert crowd.one(Transfer(hot, second, 1)).refused is None
        assert crowd.one(Transfer(second, hot, 1)).refused is None
    assert crowd.balance(hot) == (1, 0)


def test_a_free_shard_is_found_by_its_number(crowd: Books) -> None:
    """Not by reading every account there is: a condition that draws a random number is judged for each row."""
    hot, user = crowd.hot(), crowd.user()
    crowd.split(hot, 8)
    reads = text("SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'ledger_accounts'")
    with crowd.engine.connect() as connection, Session(connection) as session:
        # What a connection read is counted where the view looks until it is handed over, which it is once a second.
        session.execute(text("SELECT pg_stat_force_next_flush()"))
        session.commit()
        use_indexes(session)
        for _ in range(3):
            assert post(session, [transaction(Transfer(hot, user, 1))])[0].refused is None
        legs = [transaction(Transfer(hot, user, 1)), transaction(Transfer(user, hot, 1))]
        assert [outcome.refused for outcome in post(session, legs)] == [None, None]
        assert session.execute(reads).scalar_one() == 0


def test_a_hold_does_not_wait_for_the_house_account_that_it_names(crowd: Books) -> None:
    hot, first, second = crowd.hot(), crowd.user(), crowd.user(funds=5)
    with holding(crowd, Transfer(hot, first, 1)), Session(crowd.engine) as session, session.begin():
        session.execute(text("SET LOCAL lock_timeout = '2s'"))
        assert post(session, [transaction(Hold(second, hot, 5))])[0].refused is None


@contextmanager
def holding(books: Books, leg: Transfer) -> Iterator[None]:
    """A transaction that has posted and has not ended."""
    with Session(books.engine) as session, session.begin():
        post(session, [transaction(leg)])
        yield
