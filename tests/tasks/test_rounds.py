"""Who is silent keeps nobody waiting but itself: rails are visited side by side, each by one thread at a time."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.contextvars import bound_contextvars, get_contextvars
from structlog.testing import capture_logs

from adapters.bitcoin.chain import BitcoinChain
from adapters.bitcoin.endpoint import NodeEndpoint
from domain.networks import NETWORKS
from services import chains
from tasks import rounds
from tasks.chains import watch_chain
from tasks.rounds import at, visit
from tests.rail import BY, Rail
from tests.waiting import eventually

TASKS = Path(rounds.__file__).parent


@pytest.fixture
def silent() -> Iterator[BitcoinChain]:
    """A chain whose node takes every call and answers none."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        where = NodeEndpoint("127.0.0.1", listening.getsockname()[1], "user", "password", timeout_s=3)
        yield BitcoinChain(where, NETWORKS["bitcoin"])


def test_a_chain_is_read_while_the_node_of_another_is_silent(rail: Rail, silent: BitcoinChain) -> None:
    rail.watch()
    rail.mine()
    both = {"bitcoin": silent, rail.chain.rail.chain: rail.chain}
    with capture_logs() as told:
        visit("test.watch", at(both, watch_chain, rail.container, BY))
        assert "bitcoin" in [line["rail"] for line in told if line["event"] == "visit_goes_on"]
        eventually(lambda: _height(rail) == rail.chain.tip().height, what="the other chain, read")
        eventually(lambda: any(line.get("code") == "node_timeout" for line in told), what="its silence, told")
        eventually(lambda: visit("test.watch", {"bitcoin": lambda: 1}) == 1, what="the end of that visit")


def test_who_is_still_at_it_is_not_visited_twice_and_once_more_afterwards() -> None:
    may_end, said = threading.Event(), list[str]()

    def slow() -> int:
        said.append("begun")
        may_end.wait(20)
        return 1

    quick = list[int]()
    for turn in range(1, 4):
        visit("test.slow", {"slow": slow, "quick": lambda: quick.append(2)})
        eventually(_has(quick, turn), what="the quick one's turn")
    assert said == ["begun"]
    may_end.set()
    eventually(_has(said, 2), what="the visit that was asked for meanwhile")
    eventually(lambda: visit("test.slow", {"slow": slow}) == 1, what="a visit that is back in time")


def test_one_that_fails_stops_no_other_and_is_reported_each_time() -> None:
    may_fail = threading.Event()

    def late() -> int:
        may_fail.wait(20)
        raise RuntimeError("late")

    def at_once() -> int:
        raise ValueError("at once")

    done = list[str]()
    with capture_logs() as told:
        with pytest.raises(ValueError, match="at once"):
            visit("test.failing", {"a": at_once, "b": late, "c": at_once, "d": lambda: done.append("d")})
        eventually(lambda: done == ["d"], what="the one that does not fail")
        may_fail.set()
        eventually(lambda: [line["rail"] for line in told if line["event"] == "visit_failed"] == ["c", "b"])


def test_a_visit_knows_who_asked_for_it() -> None:
    with bound_contextvars(correlation_id="request-17"):
        found = list[str]()
        visit("test.context", {"a": lambda: found.append(get_contextvars()["correlation_id"])})
    eventually(lambda: found == ["request-17"])


def test_no_task_goes_from_rail_to_rail_by_itself() -> None:
    """Those that listen have a thread each, and a scan is of one chain alone."""
    asks_in_turn = re.compile(r"\.(chains|providers)\.values\(\)")
    assert {path.name for path in TASKS.glob("*.py") if asks_in_turn.search(path.read_text())} == {
        "news.py",
        "watch_wallets.py",
    }


def _has(found: list[Any], count: int) -> Callable[[], bool]:
    return lambda: len(found) == count


def _height(rail: Rail) -> int:
    with rail.container.reading() as session:
        return chains.get(session, rail.chain.rail.chain).height
