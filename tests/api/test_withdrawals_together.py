"""Withdrawals that are asked for at one moment: one commit, and to each what it would have got by itself."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from threading import Thread
from typing import Any
from uuid import UUID

import psycopg2.extensions
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from api.v1.withdrawals import shape
from domain.actor import Actor
from domain.ids import new_id
from domain.ledger import request_hash
from models.withdrawal import Withdrawal
from services import idempotency, invariants, withdrawals
from services.idempotency import Answer, Asked
from services.withdrawals import terms, together
from services.withdrawals.drafting import hold_of
from tests.api.house import ASSET, COIN, DESTINATION, House, Person
from tests.api.test_sign_in_known import statements
from tests.databases import Database
from tests.services.threads import at_once
from tests.waiting import eventually
from wiring import accepting
from wiring.container import Container
from wiring.secret import Secret

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FEE = COIN // 10


@dataclass
class Request:
    """One withdrawal about to be asked for."""

    house: House
    person: Person
    amount_minor: int = COIN
    key: str = ""

    def __post_init__(self) -> None:
        self.now = self.house.container.now()
        self.by = Actor("user:somebody", self.person.user_id, "192.0.2.1", "purse/2", "request-1", "correlation-1")
        body = {"asset": ASSET, "amount": str(self.amount_minor), "destination": DESTINATION}
        self.asked: Asked = idempotency.asked(self.person.user_id, self.key or str(new_id()), {"body": body})
        with self.house.container.transaction() as session:
            self.terms = terms.read(session, user_id=self.person.user_id, asset_id=ASSET)
        drafted = together.usual(
            self.terms,
            user_id=self.person.user_id,
            amount_minor=self.amount_minor,
            destination=DESTINATION,
            beneficiary_name=None,
            now=self.now,
        )
        assert drafted is not None
        self.withdrawal: Withdrawal = drafted
        self.answer = Answer(201, shape(drafted, 8))

    def question(self) -> str:
        return together.question(self.terms, self.withdrawal, asked=self.asked, answer=self.answer, by=self.by)

    def accept(self) -> bool:
        known = self.asked, self.answer, self.by
        return accepting.accept(
            self.house.container, self.terms, self.withdrawal, asked=known[0], answer=known[1], by=known[2]
        )

    def decide(self) -> None:
        """The long way."""
        with self.house.container.transaction() as session:
            self.withdrawal = withdrawals.request(
                session,
                user_id=self.person.user_id,
                asset_id=ASSET,
                amount_minor=self.amount_minor,
                destination=DESTINATION,
                now=self.now,
                by=self.by,
            )
            self.answer = Answer(201, shape(self.withdrawal, 8))
            idempotency.keep(session, self.asked, self.answer, now=self.now)


def accepted(house: House, asked: Sequence[Request]) -> set[UUID]:
    """Ask for all in one call, as a process does for those who come at one moment; the withdrawals that began."""
    with house.container.transaction() as session:
        found = session.scalars(
            text("SELECT withdrawals_request(CAST(:asked AS jsonb[]))"), {"asked": [one.question() for one in asked]}
        )
        return set(found)


def balance_minor(house: House, person: Person) -> tuple[int, int]:
    """What is available to this person, and what is held."""
    own = text("SELECT posted - held, held FROM ledger_accounts WHERE owner_id = :user")
    with house.container.reading() as session:
        available, held = session.execute(own, {"user": person.user_id}).one()
    return int(available), int(held)


def assert_sound(house: House) -> None:
    with house.container.reading() as session:
        assert invariants.check(session) == []


@contextmanager
def elsewhere(house: House, statement: str, **parameters: Any) -> Iterator[Session]:
    """While another transaction has said this."""
    with Session(house.container.engine) as session:
        session.execute(text(statement), parameters)
        yield session


# What is written of one withdrawal: each table, how its rows are found, and what differs whenever it is written.
WRITTEN = {
    "withdrawals": ("id = :withdrawal", {"amount_hold_id", "fee_hold_id"}),
    "flows": ("group_id = :flow", set()),
    "flow_events": ("group_id = :flow", {"id", "xid"}),
    "ledger_transactions": ("flow_id = :flow", {"id", "request_hash", "recorded_at"}),
    "ledger_transfers": (
        "transaction_id = (SELECT id FROM ledger_transactions WHERE flow_id = :flow) AND debit_account_id = :account",
        {"id", "transaction_id", "debit_account_id", "recorded_at"},
    ),
    "ledger_accounts": ("id = :account", {"id", "created_at"}),
    "audit_logs": ("user_id = :user AND event = 'withdrawal.requested'", {"id"}),
    "idempotent_requests": ("user_id = :user", {"request_hash"}),
}


def written(house: House, one: Request) -> dict[str, list[dict[str, Any]]]:
    """Every row about this withdrawal, with a word for each name that is its own."""
    own = {
        str(one.withdrawal.id): "the withdrawal",
        str(one.withdrawal.flow_id): "the flow",
        one.answer.body["flow"]: "the flow in short",
        str(one.person.user_id): "the user",
        one.asked.key: "the key",
    }
    ids = {
        "withdrawal": one.withdrawal.id,
        "flow": one.withdrawal.flow_id,
        "user": one.person.user_id,
        "account": one.terms.owner_account,
    }
    found = {}
    with house.container.reading() as session:
        for table, (where, differs) in WRITTEN.items():
            query = f"SELECT to_jsonb(t) FROM {table} t WHERE {where} ORDER BY to_jsonb(t) -> 'id'"
            rows = session.scalars(text(query), ids)
            told = json.dumps([{name: row[name] for name in row if name not in differs} for row in rows])
            for name, word in own.items():
                told = told.replace(name, word)
            found[table] = json.loads(told)
    return found


@pytest.mark.parametrize(
    "policy",
    [
        {"fee_minor": FEE, "auto_limit_minor": 10 * COIN, "daily_system_limit_minor": None},
        {"fee_minor": 0, "auto_limit_minor": 10 * COIN, "daily_system_limit_minor": 1000 * COIN},
        {
            "fee_minor": FEE,
            "auto_limit_minor": 0,
            "two_approvals_above_minor": COIN,
            "daily_system_limit_minor": None,
        },
    ],
)
def test_what_is_accepted_together_is_written_as_by_itself(own_house: House, policy: dict[str, int | None]) -> None:
    own_house.policy(**policy)
    own_house = House(replace(own_house.container, clock=lambda: NOW))
    alone, first, second = (Request(own_house, own_house.person(funds_minor=3 * COIN)) for _ in range(3))
    alone.decide()
    before = own_house.fingerprint()
    assert accepted(own_house, [first, second]) == {first.withdrawal.id, second.withdrawal.id}
    after = own_house.fingerprint()
    assert written(own_house, first) == written(own_house, second) == written(own_house, alone)
    assert all(written(own_house, alone).values())
    assert after["outbox"] - before["outbox"] == (alone.withdrawal.state == "approved")
    assert after["ledger_transfers"] - before["ledger_transfers"] == 2 * (2 if policy["fee_minor"] else 1)
    with own_house.container.reading() as session:
        [counted] = session.execute(text("SELECT coalesce(sum(requested_minor), 0) FROM withdrawal_days")).one()
        hashes = session.scalars(
            text("SELECT request_hash FROM ledger_transactions WHERE flow_id = :flow"),
            {"flow": first.withdrawal.flow_id},
        ).all()
    assert counted == (3 * COIN if policy["daily_system_limit_minor"] else 0)
    assert [bytes(one) for one in hashes] == [request_hash(hold_of(first.terms, first.withdrawal))]
    assert_sound(own_house)


asking = st.tuples(st.integers(0, 2), st.integers(1, 9), st.sampled_from(["", "", "", "known"]))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(funds=[12, 12, 1], wanted=[(0, 4, ""), (0, 4, ""), (1, 7, ""), (1, 6, ""), (2, 1, ""), (2, 1, "known")])
@given(funds=st.lists(st.integers(1, 12), min_size=3, max_size=3), wanted=st.lists(asking, min_size=1, max_size=7))
def test_what_stands_against_one_is_nobody_elses(
    house: House, funds: list[int], wanted: list[tuple[int, int, str]]
) -> None:
    house.policy(fee_minor=COIN, daily_user_limit_minor=7 * COIN, daily_system_limit_minor=None)
    crowd = [house.person(funds_minor=(2 + amount) * COIN) for amount in funds]
    for person in crowd:
        Request(house, person, COIN, "known").decide()
    asked = [Request(house, crowd[who], amount * COIN, key) for who, amount, key in wanted]
    expected: dict[int, Request] = {}
    for one, (who, amount, key) in sorted(zip(asked, wanted, strict=True), key=lambda pair: pair[0].withdrawal.id):
        # Of one person's requests the oldest that fits. One coin of the day is used, and the fee is none of the day.
        if key != "known" and amount + 1 <= funds[who] and amount <= 6:
            expected.setdefault(who, one)
    assert accepted(house, asked) == {one.withdrawal.id for one in expected.values()}
    for who, person in enumerate(crowd):
        taken = expected[who].amount_minor + COIN if who in expected else 0
        assert balance_minor(house, person) == (funds[who] * COIN - taken, 2 * COIN + taken)
    assert_sound(house)


def test_nobody_waits_for_an_account_that_somebody_holds(house: House) -> None:
    house.policy(fee_minor=0, daily_system_limit_minor=None)
    held, free = (Request(house, house.person(funds_minor=2 * COIN)) for _ in range(2))
    with elsewhere(house, "SELECT ledger_lock_free(:ids)", ids=[held.terms.owner_account]):
        assert accepted(house, [held, free]) == {free.withdrawal.id}
    assert held.accept()
    assert not held.accept()


def test_nobody_waits_for_a_day_that_somebody_counts_on(own_house: House) -> None:
    own_house.policy(fee_minor=0, daily_system_limit_minor=100 * COIN)
    own_house = House(replace(own_house.container, clock=lambda: NOW))
    people = [own_house.person(funds_minor=9 * COIN) for _ in range(2)]
    first = [Request(own_house, person) for person in people]
    assert accepted(own_house, first) == set()  # a day begins with who asks by themselves
    first[0].decide()
    again = [Request(own_house, person) for person in people]
    with elsewhere(own_house, "SELECT FROM withdrawal_days FOR NO KEY UPDATE"):
        assert accepted(own_house, again) == set()
    before = own_house.fingerprint()
    assert accepted(own_house, again) == {one.withdrawal.id for one in again}
    assert own_house.fingerprint()["withdrawals"] == before["withdrawals"] + 2
    assert_sound(own_house)


def test_what_was_planned_while_there_was_little_reads_little_later(
    own_house: House, own_database: Database, raw: Callable[[Secret], psycopg2.extensions.connection]
) -> None:
    own_house.policy(fee_minor=0, daily_system_limit_minor=None)
    person = own_house.person(funds_minor=9 * COIN)
    asked = [Request(own_house, person) for _ in range(2)]
    owner = raw(own_database.owner_url)
    owner.autocommit = True
    owner.cursor().execute("ANALYZE ledger_accounts, idempotent_requests, withdrawals, flows, users")
    with Session(own_house.container.engine.connect()) as session:
        call = text("SELECT withdrawals_request(CAST(:asked AS jsonb[]))")
        assert session.scalars(call, {"asked": [asked[0].question()]}).all()
        session.commit()
        opened = "ledger_open_account('user', 'liability', 'rLTC', gen_random_uuid(), 0)"
        owner.cursor().execute(f"SELECT {opened} FROM generate_series(1, 2000)")
        kept = "INSERT INTO idempotent_requests (user_id, key, request_hash, status, body, created_at)"
        owner.cursor().execute(f"{kept} SELECT id, n, '', 201, '{{}}', now() FROM users, generate_series(1, 2000) n")
        session.execute(text("SELECT pg_stat_force_next_flush()"))
        session.commit()
        assert session.scalars(call, {"asked": [asked[1].question()]}).all()
        read = text("SELECT relname, seq_tup_read + idx_tup_fetch AS rows FROM pg_stat_xact_user_tables")
        most = max(session.execute(read).all(), key=lambda table: table.rows or 0)
        assert most.rows < 20, most.relname


def test_a_request_as_people_send_it_goes_this_way(house: House) -> None:
    house.policy(fee_minor=0, auto_limit_minor=10 * COIN, daily_system_limit_minor=None)
    person = house.person(funds_minor=4 * COIN)
    person.withdraw()  # the first of a house opens the account for its fees
    answer, said = statements(house, person.withdraw)
    assert (answer.status_code, answer.get_json()["state"], said) == (201, "approved", [])


def test_a_key_that_is_being_used_spoils_nobody_elses_request(own_house: House) -> None:
    own_house.policy(fee_minor=0, daily_system_limit_minor=None)
    one, other = (own_house.person(funds_minor=2 * COIN) for _ in range(2))
    body = {"asset": ASSET, "amount": "1.5", "destination": DESTINATION}
    known = idempotency.asked(one.user_id, "k", {"name": "withdrawal", "body": body})
    answers: dict[str, TestResponse] = {}

    def ask(name: str, person: Person, key: str) -> None:
        answers[name] = person.withdraw(key=key)

    with Session(own_house.container.engine) as session, session.begin():
        idempotency.keep(session, known, Answer(201, {"first": True}), now=own_house.container.now())
        session.execute(text("SELECT 1"))  # which sends it
        threads = [Thread(target=ask, args=("one", one, "k")), Thread(target=ask, args=("other", other, "k"))]
        for thread in threads:
            thread.start()
        eventually(partial(waiting, own_house), what="waiting for the key")
    for thread in threads:
        thread.join()
    assert answers["one"].get_json() == {"first": True}
    assert (answers["other"].status_code, own_house.fingerprint()["withdrawals"]) == (201, 1)
    assert balance_minor(own_house, one) == (2 * COIN, 0)


def waiting(house: House) -> bool:
    """Whether somebody waits for another's transaction here."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with house.container.reading() as session:
        return bool(session.scalar(text(query)))


def test_the_day_of_the_house_is_exact_when_everybody_asks_at_once(container: Container) -> None:
    house = House(replace(container, clock=lambda: NOW))
    house.policy(fee_minor=0, daily_system_limit_minor=13 * COIN, daily_user_limit_minor=100 * COIN)
    people = [house.person(funds_minor=20 * COIN) for _ in range(5)]
    answers = at_once(*[partial(person.withdraw, "1") for person in people * 5])
    codes = [answer.get_json().get("error", "accepted") for answer in answers]
    assert sorted(set(codes)) == ["accepted", "system_limit_exceeded"]
    assert codes.count("accepted") == 13
    assert sum(balance_minor(house, person)[1] for person in people) == 13 * COIN
    assert_sound(house)
