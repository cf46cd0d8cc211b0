"""Requests made up from the API's own description: whoever sends them, whatever is in them, nothing breaks."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from tests.api.house import COIN, House
from tests.oauth.app import DEVICE_CODE, EVERY_SCOPE, register

load_all_checks()
EXAMPLES_EACH = 5
# Who was turned away so often, and never let in, is not let in by what the next request says.
TURNED_AWAY_MAX = 2
CLIENT_PATHS = {"/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/device_authorization"}
NOT_NOW = {"address_pool_empty", "withdrawals_paused"}


@pytest.fixture(scope="module")
def schema(house: House) -> schemathesis.BaseSchema:
    """The API as it describes itself."""
    house.fill_pool(50)
    return schemathesis.openapi.from_wsgi("/openapi.json", house.app)


@dataclass(frozen=True)
class Sender:
    """Somebody who sends requests: with these headers, and with those where an app proves to be that app."""

    name: str
    headers: Mapping[str, str] = field(default_factory=dict)
    as_client: Mapping[str, str] = field(default_factory=dict)

    def send(self, case: Any) -> Any:
        headers = dict(self.as_client if case.path in CLIENT_PATHS else self.headers)
        if case.path.endswith("/logout"):
            headers.pop("Authorization", None)
        return case.call(headers=headers)


@pytest.fixture
def senders(house: House) -> Sequence[Sender]:
    """A stranger, a person, an administrator, and an app that may do everything for a person."""
    people = [house.person(role=role, funds_minor=COIN) for role in (None, "admin", None)]
    somebody, admin, _ = ({"Authorization": f"Bearer {person.token}"} for person in people)
    app = register(house, grant_types=["authorization_code", "refresh_token", DEVICE_CODE])
    token = app.tokens(people[2], scope=EVERY_SCOPE)["access_token"]
    return (
        Sender("nobody"),
        Sender("somebody", somebody),
        Sender("admin", admin),
        Sender("app", {"Authorization": f"Bearer {token}"}, app.headers),
    )


class Door:
    """Who is still worth sending requests of one operation: not those whom it turns away before it reads them."""

    def __init__(self, senders: Sequence[Sender]) -> None:
        self._senders = senders
        self._left = {sender.name: TURNED_AWAY_MAX for sender in senders}

    def senders(self) -> Sequence[Sender]:
        return [sender for sender in self._senders if self._left[sender.name] > 0]

    def answered(self, sender: Sender, status: int) -> None:
        if status in {401, 403}:
            self._left[sender.name] -= 1
        else:
            self._left[sender.name] = EXAMPLES_EACH


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=str)
def test_no_request_breaks_anything(
    schema: schemathesis.BaseSchema, senders: Sequence[Sender], mode: GenerationMode
) -> None:
    for operation in [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]:
        # An operation that takes nothing cannot be sent anything wrong.
        with suppress(Unsatisfiable):
            send_many(operation.as_strategy(generation_mode=mode), Door(senders))


def send_many(cases: SearchStrategy[Any], door: Door) -> None:
    """Have everybody send these requests of one operation, and look at each answer."""

    @settings(
        max_examples=EXAMPLES_EACH,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.generate,),  # to look for a smaller request that breaks it takes minutes
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def breaks_nothing(case: Any) -> None:
        # Making a request up takes longer than answering it: everybody sends the same.
        for sender in door.senders():
            answer = sender.send(case)
            door.answered(sender, answer.status_code)
            if answer.status_code >= 500:
                told = f"{sender.name}: {case.as_curl_command()}\n{answer.text}"
                assert answer.status_code == 503, told
                assert answer.json()["error"] in NOT_NOW, told
            case.validate_response(answer, checks=[response_schema_conformance, content_type_conformance])

    breaks_nothing()
