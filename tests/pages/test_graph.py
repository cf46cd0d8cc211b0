"""The state graph shows every state and every move once, and which were taken."""

from itertools import combinations

import pytest

from api.pages import graph
from domain.flows import FLOW_KINDS, WITHDRAWAL, FlowKind

KINDS = list(FLOW_KINDS.values())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_state_has_a_place_of_its_own(kind: FlowKind) -> None:
    drawn = graph.draw(kind, [kind.initial[0]])
    assert {box.state for box in drawn.boxes} == set(kind.states)
    for one, other in combinations(drawn.boxes, 2):
        assert abs(one.x - other.x) >= graph.BOX_WIDTH or abs(one.y - other.y) >= graph.BOX_HEIGHT
    for box in drawn.boxes:
        assert 0 <= box.x <= drawn.width - graph.BOX_WIDTH
        assert 0 <= box.y <= drawn.height - graph.BOX_HEIGHT


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_move_is_drawn_once(kind: FlowKind) -> None:
    drawn = [(arrow.from_state, arrow.to_state) for arrow in graph.draw(kind, []).arrows]
    assert sorted(drawn) == sorted((start, end) for start, state in kind.states.items() for end in state.moves)


def test_the_path_taken_is_marked() -> None:
    drawn = graph.draw(WITHDRAWAL, ["requested", "pending_approval", "cancelled"])
    taken = {(arrow.from_state, arrow.to_state) for arrow in drawn.arrows if arrow.taken}
    assert taken == {("requested", "pending_approval"), ("pending_approval", "cancelled")}
    assert [box.state for box in drawn.boxes if box.current] == ["cancelled"]
    assert {box.state for box in drawn.boxes if box.visited} == {"requested", "pending_approval", "cancelled"}


def test_it_fits_a_phone() -> None:
    assert all(graph.draw(kind, []).width <= 358 for kind in KINDS)
