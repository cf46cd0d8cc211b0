"""What sockets do leaves spans, where traces are wanted: each by its event, and by its code where it was refused."""

from typing import Final

import pytest

from api.realtime.tracing import SERVICE
from tests import spans
from tests.api.house import House
from tests.realtime.client import Client, NotAdmitted
from tests.waiting import eventually
from tests.webhooks.receiver import Receiver

ERROR: Final = 2


def test_a_handshake_and_each_event_are_spans_without_the_content_of_messages(
    house: House, processes: tuple[str, str], collector: Receiver
) -> None:
    person = house.person()
    named = {"X-Correlation-ID": "connection-17"}
    with pytest.raises(NotAdmitted), Client(processes[0], "nonsense", headers=named):
        pass
    with Client(processes[0], person.token, headers=named) as socket:
        assert socket.ask("message", {"to": house.person().public_key, "message": "a secret"})["ok"]
        assert socket.ask("message", {"to": 7})["error"] == "invalid_request"
        socket.ask("nothing", {})

    def told() -> list[tuple[str, int, str]]:
        found = [span for service, span in spans.by_service(collector) if service == SERVICE]
        mine = [one for one in found if spans.facts(one)["strongroom.correlation_id"] == "connection-17"]
        return [(one.name, one.status.code, one.status.message) for one in mine if not one.parent_span_id]

    eventually(lambda: ("socket disconnect", 0, "") in told(), what="the last span")
    assert told() == [
        ("socket connect", ERROR, "not_signed_in"),
        ("socket connect", 0, ""),
        ("socket message", 0, ""),
        ("socket message", ERROR, "invalid_request"),
        ("socket unknown", 0, ""),
        ("socket disconnect", 0, ""),
    ]
    assert not any(b"a secret" in call.body or person.token.encode() in call.body for call in collector.calls)
