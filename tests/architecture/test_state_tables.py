"""Every state table is complete: reachable, timed, known to the database and to the invariants."""

import re

import pytest
from sqlalchemy import CheckConstraint

from domain.flows import FLOW_KINDS, FlowKind
from models.base import Base
from models.conversion import Conversion
from models.deposit import Deposit
from models.loss import Loss
from models.payout import Payout
from models.replenishment import Replenishment
from models.sweep import Sweep
from models.verification import PaymentVerification
from models.withdrawal import Withdrawal

KINDS = pytest.mark.parametrize("kind", FLOW_KINDS.values(), ids=FLOW_KINDS)


def known_to(model: type[Base]) -> set[str]:
    """The states that a table's own constraint admits."""
    [check] = [
        constraint
        for constraint in model.__table__.constraints  # type: ignore[attr-defined]
        if isinstance(constraint, CheckConstraint) and str(constraint.name).endswith("state_is_known")
    ]
    return set(re.findall(r"'(\w+)'", str(check.sqltext)))


@KINDS
def test_every_state_is_reachable_from_an_initial_one(kind: FlowKind) -> None:
    reached: set[str] = set()
    following = set(kind.initial)
    while following:
        reached |= following
        following = {to for state in following for to in kind.states[state].moves} - reached
    assert reached == set(kind.states)


@KINDS
def test_every_move_leads_to_a_state_of_the_table(kind: FlowKind) -> None:
    assert {to for state in kind.states.values() for to in state.moves} <= set(kind.states)


@KINDS
def test_every_state_that_is_no_resting_place_is_timed(kind: FlowKind) -> None:
    for name, state in kind.states.items():
        assert state.time_limit is not None or kind.closed(name)
        assert state.moves or kind.closed(name), f"{name} can neither rest nor move"


@KINDS
def test_every_state_says_what_it_means_to_the_owner(kind: FlowKind) -> None:
    for state in kind.states.values():
        assert state.meaning in {"seen", "yours", "waiting", "wrong"}
        assert state.sentence.endswith(".")


def test_the_database_knows_the_states_of_the_tables_and_no_others() -> None:
    models = {
        "deposit": Deposit,
        "withdrawal": Withdrawal,
        "conversion": Conversion,
        "replenishment": Replenishment,
        "verification": PaymentVerification,
        "sweep": Sweep,
        "loss": Loss,
    }
    assert set(FLOW_KINDS) - set(models) == {"internal_transfer"}, "a transfer is over at once, and has no row"
    for name, model in models.items():
        assert known_to(model) == set(FLOW_KINDS[name].states), name
    assert known_to(Payout) < set(FLOW_KINDS["withdrawal"].states)
