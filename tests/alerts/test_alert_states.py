"""An alert never ends by ignorance, never flaps, and fires only after it has been bad for long enough."""

from datetime import UTC, datetime, timedelta
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.alert_rules import RULES
from domain.alert_states import STANDS, Outcome, State, step
from services.alerts.sources import SOURCES

START = datetime(2026, 1, 1, tzinfo=UTC)
LOOKS = st.lists(st.tuples(st.sampled_from(get_args(Outcome)), st.integers(1, 120)), max_size=40)


@settings(max_examples=150, deadline=None)
@given(looks=LOOKS, hold_s=st.integers(0, 120), clear_s=st.integers(0, 120))
def test_what_is_raised_is_cleared_by_good_looks_only_and_in_turn(
    looks: list[tuple[Outcome, int]], hold_s: int, clear_s: int
) -> None:
    state: State = "normal"
    since = now = START
    good_since: datetime | None = None
    bad_since: datetime | None = None
    stands = False
    for outcome, seconds in looks:
        now += timedelta(seconds=seconds)
        good_since = (good_since or now) if outcome == "good" else None
        bad_since = None if outcome == "good" else bad_since or (now if outcome == "bad" else None)
        moved = step(
            state, since, outcome, now=now, hold_for=timedelta(seconds=hold_s), clear_for=timedelta(seconds=clear_s)
        )
        if moved.news == "raise":
            assert not stands
            assert outcome == "bad"
            assert bad_since is not None
            assert now - bad_since >= timedelta(seconds=hold_s)
        if moved.news == "clear":
            assert stands
            assert good_since is not None
            assert now - good_since >= timedelta(seconds=clear_s)
        stands = stands if moved.news is None else moved.news == "raise"
        assert stands == (moved.state in STANDS)
        state, since = moved.state, moved.since


def test_every_evaluated_rule_has_a_source_and_every_source_a_rule() -> None:
    assert {code for code, rule in RULES.items() if rule.is_evaluated} == set(SOURCES)


def test_every_inhibiting_code_is_a_rule() -> None:
    assert {code for rule in RULES.values() for code in rule.inhibited_by} <= set(RULES)
