"""Requests made up from the API's own description: whoever sends them, whatever is in them, nothing breaks."""

from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from tests.api.house import COIN, House
from tests.oauth.app import DEVICE_CODE, EVERY_SCOPE, register

load_all_checks()
EXAMPLES_EACH = 8
CLIENT_PATHS = {"/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/device_authorization"}
NOT_NOW = {"address_pool_empty", "withdrawals_paused"}


@pytest.fixture(scope="module")
def schema(house: House) -> schemathesis.BaseSchema:
    """The API as it describes itself."""
    house.fill_pool(50)
    return schemathesis.openapi.from_wsgi("/openapi.json", house.app)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=str)
@pytest.mark.parametrize("role", ["nobody", "somebody", "admin", "app"])
def test_no_request_breaks_anything(
    house: House, schema: schemathesis.BaseSchema, role: str, mode: GenerationMode
) -> None:
    headers: dict[str, str] = {}
    as_client: dict[str, str] = {}
    if role == "app":
        app = register(house, grant_types=["authorization_code", "refresh_token", DEVICE_CODE])
        token = app.tokens(house.person(funds_minor=COIN), scope=EVERY_SCOPE)["access_token"]
        headers, as_client = {"Authorization": f"Bearer {token}"}, app.headers
    elif role != "nobody":
        person = house.person(role="admin" if role == "admin" else None, funds_minor=COIN)
        headers["Authorization"] = f"Bearer {person.token}"
    for operation in [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]:

        @settings(
            max_examples=EXAMPLES_EACH,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def breaks_nothing(case: Any) -> None:
            # Where an app is served as itself, it proves to be that app.
            sent = dict(as_client if case.path in CLIENT_PATHS else headers)
            if case.path.endswith("/logout"):
                sent.pop("Authorization", None)
            answer = case.call(headers=sent)
            if answer.status_code >= 500:
                assert answer.status_code == 503, f"{case.as_curl_command()}\n{answer.text}"
                assert answer.json()["error"] in NOT_NOW, f"{case.as_curl_command()}\n{answer.text}"
            case.validate_response(answer, checks=[response_schema_conformance, content_type_conformance])

        # An operation that takes nothing cannot be sent anything wrong.
        with suppress(Unsatisfiable):
            breaks_nothing()
