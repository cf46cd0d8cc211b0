"""Providers that fail, lag, contradict and leak: what they do to a claim, and what is kept of it."""

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.verification.aptos import read_aptos
from adapters.verification.provider import Provider, connections
from adapters.verification.reader import FailOverReader
from adapters.verification.solana import read_solana
from domain.claim_reading import ClaimQuestion
from domain.rails import RAILS
from services import verifications
from tests.fakes.chains import Aptos
from tests.fakes.provider import FakeProvider
from tests.verification.desk import DOLLAR, MINT, RAIL, Desk

Serving = Callable[[FakeProvider], FakeProvider]


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        ({"is_down": 500}, "provider_failed"),
        ({"is_down": 429}, "provider_failed"),
        ({"is_silent": True}, "provider_failed"),
        ({"is_garbled": True}, "provider_failed"),
        ({"twist": lambda answer: answer[:1]}, "provider_failed"),
        ({"twist": lambda _: {"error": {"code": -32600}}}, "provider_failed"),
        ({"twist": lambda answer: [{**one, "result": []} for one in answer]}, "provider_failed"),
        ({"twist": lambda answer: [*answer[:2], {**answer[2], "result": None}]}, "not_found"),
    ],
)
def test_a_provider_that_fails_leaves_the_claim_uncertain(desk: Desk, faults: dict[str, Any], reason: str) -> None:
    desk.ask([desk.provider], timeout_s=0.3 if "is_silent" in faults else 10)
    for name, value in faults.items():
        setattr(desk.provider.faults, name, value)
    assert desk.decided(desk.pay(1)) == ("uncertain", reason)
    assert desk.balance() == 0


def test_the_next_provider_answers_where_one_fails(desk: Desk, serving: Serving) -> None:
    other = serving(desk.chain.serve())
    desk.provider.faults.is_down = 503
    desk.ask([desk.provider, other])
    claimed = desk.claim(desk.pay(1))
    desk.check()
    assert desk.told(claimed) == ("verified", None)
    with desk.container.reading() as session:
        kept = verifications.exchanges_of(session, claimed)
    assert [(one.status, one.provider[0]) for one in kept] == [(503, "1"), (200, "2")]


def test_a_quorum_waits_for_agreement_and_never_follows_a_liar(desk: Desk, serving: Serving) -> None:
    second, third = serving(desk.chain.serve()), serving(desk.chain.serve())
    desk.ask([desk.provider, second, third], quorum=2)
    paid = desk.pay(1)
    second.faults.is_down = third.faults.is_down = 500
    claimed = desk.claim(paid)
    desk.check()
    assert desk.told(claimed) == ("uncertain", "quorum_missed")
    second.faults.is_down = 0
    second.faults.twist = _more_money
    assert desk.decided(paid) == ("uncertain", "providers_disagree")
    third.faults.is_down = 0
    assert desk.decided(paid) == ("verified", None)
    assert desk.balance() == 10 * DOLLAR


def test_a_provider_of_another_cluster_is_not_believed(desk: Desk) -> None:
    desk.provider.faults.twist = lambda answer: [{**answer[0], "result": "another"}, *answer[1:]]
    assert desk.decided(desk.pay(1)) == ("uncertain", "provider_failed")


def test_keys_are_sent_and_never_kept(desk: Desk) -> None:
    key = "k3y-that-nobody-may-see-0123456789"
    desk.provider.faults.twist = lambda answer: [{**one, "echo": key} for one in answer]
    provider = Provider(f"{desk.provider.url}/{key}", (("Authorization", f"Bearer {key}"),))
    reader = FailOverReader(RAIL, read_solana, [provider])
    with capture_logs() as lines:
        reading = reader.read(ClaimQuestion(desk.pay(1), {MINT: MINT}))
    reader.close()
    assert reading.facts is not None
    assert desk.provider.headers[-1]["Authorization"] == f"Bearer {key}"
    assert desk.provider.asked[-1][0] == f"/{key}"
    assert key not in repr((reader, provider, reading, lines, connections()))


def test_a_key_in_the_query_stays_behind_the_path_that_is_asked_for(serving: Serving) -> None:
    chain = Aptos()
    paid = chain.pay_asset(1, owner="0xa11ce", metadata="0xfa", amount=5, at=datetime(2026, 5, 1, tzinfo=UTC))
    key, provider = "k3y-that-nobody-may-see-0123456789", serving(chain.serve())
    reader = FailOverReader(RAILS["aptos"], read_aptos, [Provider(f"{provider.url}/node?key={key}")])
    reading = reader.read(ClaimQuestion(paid, {}))
    reader.close()
    assert [path for path, _ in provider.asked] == [
        f"/node/v1?key={key}", f"/node/v1/transactions/by_hash/{paid}?key={key}",
    ]  # fmt: skip
    assert key not in repr(reading)


def test_every_line_of_an_attempt_has_the_claims_correlation_id(desk: Desk) -> None:
    from structlog.contextvars import merge_contextvars

    claimed = desk.claim(desk.pay(1))
    with capture_logs(processors=[merge_contextvars]) as lines:
        desk.check()
    told = [line for line in lines if line["event"].startswith("verification_")]
    assert {line["event"] for line in told} >= {
        "verification_attempt",
        "verification_provider_answered",
        "verification_result",
    }
    assert {line["correlation_id"] for line in told} == {desk.row(claimed).correlation_id}


def _more_money(answer: Any) -> Any:
    told = deepcopy(answer)
    found = told[2]["result"]
    [instruction] = found["transaction"]["message"]["instructions"]
    instruction["parsed"]["info"]["tokenAmount"]["amount"] = str(5 * DOLLAR)
    return told
