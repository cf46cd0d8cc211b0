"""The ledger against a model of ten lines, after every step that Hypothesis can think of."""

from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Engine

from domain.ledger import Hold, Leg, Outcome, Post, Transfer, Void
from services.ledger.verify import verify
from tests.ledger.conftest import Books, open_assets, transaction

USERS = 3
amounts = st.integers(1, 60)
people = st.integers(0, USERS)  # the last one is the hot wallet
steps = st.tuples(people, people, amounts).filter(lambda step: step[0] != step[1])


class Model:
    """Ten lines that say what a ledger is."""

    def __init__(self) -> None:
        self.posted, self.held = [0] * (USERS + 1), [0] * (USERS + 1)
        self.open: dict[int, tuple[int, int]] = {}

    def can(self, who: int, amount: int) -> bool:
        return who == USERS or self.posted[who] - self.held[who] >= amount

    def move(self, debit: int, credit: int, amount: int) -> None:
        self.posted[debit] -= amount
        self.posted[credit] += amount


class Ledger(RuleBasedStateMachine):
    engine: Engine

    @initialize(shards=st.sampled_from([0, 2]))
    def begin(self, shards: int) -> None:
        self.books, self.model = Books(self.engine), Model()
        code = "hot_wallet"
        self.accounts = [self.books.user() for _ in range(USERS)] + [self.books.hot(code=code)]
        if shards:
            self.books.split(self.accounts[-1], shards)
        self.hot_before = self.books.balance(self.accounts[-1])[0]
        self.keys: list[tuple[UUID | str, Leg, Outcome]] = []

    def _one(self, leg: Leg) -> Outcome:
        asked = transaction(leg)
        outcome = self.books.post([asked])[0]
        self.keys.append((asked.key, leg, outcome))
        return outcome

    @rule(steps=st.lists(steps, min_size=1, max_size=6))
    def transfer(self, steps: list[tuple[int, int, int]]) -> None:
        outcomes = self.books.post(
            [transaction(Transfer(self.accounts[debit], self.accounts[credit], n)) for debit, credit, n in steps]
        )
        for (debit, credit, amount), outcome in zip(steps, outcomes, strict=True):
            assert (outcome.refused is None) == self.model.can(debit, amount)
            if outcome.refused is None:
                self.model.move(debit, credit, amount)

    @rule(who=st.integers(0, USERS - 1), amount=amounts)
    def hold(self, who: int, amount: int) -> None:
        outcome = self._one(Hold(self.accounts[who], self.accounts[USERS], amount))
        assert (outcome.refused is None) == self.model.can(who, amount)
        if outcome.refused is None:
            self.model.held[who] += amount
            self.model.open[outcome.transfer_ids[0]] = (who, amount)

    @rule(data=st.data(), part=st.one_of(st.none(), amounts))
    def resolve(self, data: st.DataObject, part: int | None) -> None:
        if not self.model.open:
            return
        hold = data.draw(st.sampled_from(sorted(self.model.open)))
        who, amount = self.model.open[hold]
        void = data.draw(st.booleans())
        outcome = self._one(Void(hold) if void else Post(hold, part))
        assert (outcome.refused is None) == (void or (part or 0) <= amount)
        if outcome.refused is None:
            del self.model.open[hold]
            self.model.held[who] -= amount
            if not void:
                self.model.move(who, USERS, part or amount)

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        if self.keys:
            key, leg, before = data.draw(st.sampled_from(self.keys))
            again = self.books.one(leg, key=str(key))
            assert again.replayed
            assert (again.refused, again.transfer_ids) == (before.refused, before.transfer_ids)

    @invariant()
    def the_ledger_agrees(self) -> None:
        if not hasattr(self, "model"):
            return
        for who in range(USERS):
            assert self.books.balance(self.accounts[who]) == (self.model.posted[who], self.model.held[who])
        # What users gain, the hot wallet (an asset) gains too.
        assert self.books.balance(self.accounts[USERS])[0] - self.hot_before == sum(self.model.posted[:USERS])

    def teardown(self) -> None:
        assert verify(self.engine).finding is None


@pytest.mark.timeout(300)
def test_the_ledger_does_what_the_model_does(own_engine: Engine) -> None:
    open_assets(own_engine)
    machine = type("BoundLedger", (Ledger,), {"engine": own_engine})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
