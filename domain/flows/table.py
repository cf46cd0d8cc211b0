"""What a state table is: states, the moves between them, how long each may last, and the one function that moves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Literal

from domain.errors import StrongroomError


class WrongState(StrongroomError):
    """The item's state does not allow this."""

    code: ClassVar[str] = "wrong_state"


@dataclass(frozen=True, slots=True)
class State:
    """One state: where it may go, how long it may last before it counts as stuck, and what it means to its owner.

    A state without a time limit is a resting place: the flow counts as closed there.
    `meaning` is one of the four words that pages have a colour for: seen, yours, waiting, wrong.
    """

    moves: tuple[str, ...]
    time_limit: timedelta | None
    meaning: str
    sentence: str


@dataclass(frozen=True, slots=True)
class FlowKind:
    """One kind of movement of money and its state table; `direction` is as seen from the house."""

    name: str
    initial: tuple[str, ...]
    states: Mapping[str, State]
    direction: Literal["in", "out", "within"] = "within"

    def closed(self, state: str) -> bool:
        """Whether a flow in this state has come to rest."""
        return self.states[state].time_limit is None


def move(kind: FlowKind, current: str, to: str) -> str:
    """The new state, if the table allows the move; raises WrongState if not."""
    if to not in kind.states[current].moves:
        raise WrongState(f"a {kind.name} that is {current} cannot become {to}")
    return to
