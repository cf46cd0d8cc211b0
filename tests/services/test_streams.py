"""The streams that other programs follow: in the order of commits, from any place, nothing passed over."""

from collections.abc import Sequence
from contextlib import nullcontext

import pytest
from sqlalchemy.orm import Session

from services import alerts, streams
from services.events import Event, Position
from services.events.shape import InvalidPosition
from services.streams import STREAMS, Page
from tests import horizon
from wiring.container import Container

ALERTS = STREAMS["ops.alert"]


def raised(container: Container, *scopes: str, session: Session | None = None) -> None:
    """Raise an alert for each scope, each in a transaction of its own or all in the one given."""
    for scope in scopes:
        with container.transaction() if session is None else nullcontext(session) as opened:
            alerts.raise_alert(
                opened, "flow_stuck", scope=scope, severity="warning", reason="a test", now=container.now()
            )


def page(container: Container, *, after: Position = ALERTS.beginning, limit: int = 100, at_once: bool = False) -> Page:
    if not at_once:
        horizon.reached(container.engine)
    with container.reading() as session:
        return streams.read(session, ALERTS, after=after, limit=limit)


def scopes(events: Sequence[Event]) -> list[str]:
    return [event.data["service_scope"] for event in events]


def test_pages_follow_one_another_and_the_last_one_says_so(container: Container) -> None:
    raised(container, "a", "b", "c")
    first = page(container, limit=2)
    assert (scopes(first.events), first.at_end) == (["a", "b"], False)
    spelled = streams.spell(first.next)
    rest = page(container, after=ALERTS.place(spelled), limit=2)
    assert (scopes(rest.events), rest.at_end) == (["c"], True)
    none = page(container, after=rest.next)
    assert (none.events, none.next, none.at_end) == ([], rest.next, True)


def test_a_row_that_commits_late_is_read_all_the_same(container: Container) -> None:
    with Session(container.engine) as slow:
        raised(container, "late", session=slow)  # has its number and is not committed
        raised(container, "early")
        unsettled = page(container, at_once=True)
        assert (unsettled.events, unsettled.at_end) == ([], True)
        with container.reading() as session:
            assert streams.end(session, ALERTS) == ALERTS.beginning
        slow.commit()
    assert scopes(page(container, after=unsettled.next).events) == ["late", "early"]


def test_the_end_is_a_place_after_which_comes_only_what_is_new(container: Container) -> None:
    raised(container, "old")
    horizon.reached(container.engine)
    with container.reading() as session:
        end = streams.end(session, ALERTS)
        assert streams.before_newest(session, ALERTS, 1) == ALERTS.beginning
        assert streams.has(session, ALERTS, end)
        assert not streams.has(session, ALERTS, ALERTS.beginning)
    raised(container, "new", "newer")
    assert scopes(page(container, after=end).events) == ["new", "newer"]
    with container.reading() as session:
        assert streams.before_newest(session, ALERTS, 2) == end
        assert streams.count_after(session, ALERTS, end, limit=10) == 2
        assert streams.count_after(session, ALERTS, end, limit=1) == 1
        newest = streams.newest(session, ALERTS)
        assert newest is not None
        assert streams.first_after(session, ALERTS, newest.position) is None
        assert newest.written_at == page(container).events[-1].occurred_at


def test_an_empty_stream_has_neither_rows_nor_a_newest_one(container: Container) -> None:
    with container.reading() as session:
        for stream in STREAMS.values():
            assert streams.newest(session, stream) is None
            assert streams.end(session, stream) == stream.beginning
            assert streams.read(session, stream, after=stream.beginning, limit=1).at_end


@pytest.mark.parametrize("spelled", ["", "0", "1-2-3", "x-1", "1-²", f"{2**63}-0", "-1-0", "1-"])
def test_what_is_no_place_is_refused(spelled: str) -> None:
    with pytest.raises(InvalidPosition):
        ALERTS.place(spelled)


def test_a_stream_is_known_by_its_name_alone() -> None:
    assert streams.named("ops.alert") is ALERTS
    with pytest.raises(streams.UnknownStream):
        streams.named("ops_alert")
