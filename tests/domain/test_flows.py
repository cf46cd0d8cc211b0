"""State tables: closed under their own moves, and no way around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.flows import DEPOSIT, FLOW_KINDS, WITHDRAWAL, FlowKind, WrongState, move

KINDS = st.sampled_from(list(FLOW_KINDS.values()))


@given(st.data(), KINDS)
def test_a_random_walk_never_leaves_the_table(data: st.DataObject, kind: FlowKind) -> None:
    state = data.draw(st.sampled_from(kind.initial))
    for _ in range(20):
        assert state in kind.states
        if not kind.states[state].moves:
            assert kind.closed(state)
            break
        state = move(kind, state, data.draw(st.sampled_from(kind.states[state].moves)))


@given(KINDS, st.text(max_size=12), st.data())
def test_a_move_that_the_table_does_not_list_is_refused(kind: FlowKind, name: str, data: st.DataObject) -> None:
    state = data.draw(st.sampled_from(sorted(kind.states)))
    to = data.draw(st.sampled_from([*sorted(kind.states), name]))
    if to in kind.states[state].moves:
        assert move(kind, state, to) == to
    else:
        with pytest.raises(WrongState):
            move(kind, state, to)


def test_what_was_paid_or_given_back_is_never_moved_again() -> None:
    for state in ("completed", "rejected", "cancelled", "failed"):
        assert WITHDRAWAL.states[state].moves == ()


def test_nothing_is_given_back_once_it_is_signed_except_on_proof() -> None:
    for state in ("signed", "broadcast", "confirming", "uncertain"):
        assert not {"cancelled", "rejected"} & set(WITHDRAWAL.states[state].moves)


def test_every_way_to_a_credit_leads_through_a_block() -> None:
    assert {name for name, state in DEPOSIT.states.items() if "credited" in state.moves} == {"confirming"}
