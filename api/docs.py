"""The API's OpenAPI 3 description, and a page of it for people."""

import json
from copy import deepcopy
from typing import Any, Final

import flask_smorest
from flask import Blueprint, Flask, Response, current_app

from api.glossary import explain
from api.guards import guard_of, public
from api.pages.context import page
from api.schemas import ErrorBody
from api.version import VERSION

_DESCRIPTION: Final = """A self-hosted money backend.

Amounts are decimal strings in whole units of their asset. Times are RFC 3339 in UTC. Every refusal has the shape
`Error`, and its code is listed in docs/errors.md. Every POST that moves money takes an `Idempotency-Key`: the same key
with the same body is answered as the first time, refusals included. Browsers are known by a cookie, and send
`X-CSRF-Token` or come from this origin; programs send `Authorization: Bearer` with a session token, apps with an
access token whose scopes allow what they ask (`x-scope`); with `Authorization: DPoP` and a proof where the token is
bound to a key.
"""
_SPEC: Final = "strongroom.spec"

blueprint = Blueprint("docs", __name__)


class DescribedApi(flask_smorest.Api):  # type: ignore[misc]
    """flask-smorest's API object, with our own error body and handlers."""

    ERROR_SCHEMA = ErrorBody

    def _register_error_handlers(self) -> None:
        """Do nothing: api/errors.py handles errors."""


def describe(app: Flask) -> DescribedApi:
    """Begin the description of `app`; blueprints registered with the answer are in it."""
    app.config.update(API_TITLE="Strongroom", API_VERSION=VERSION, OPENAPI_VERSION="3.0.3")
    api = DescribedApi(
        app,
        spec_kwargs={"info": {"description": _DESCRIPTION}, "security": [{"bearer": []}, {"cookie": []}]},
    )
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    api.spec.components.security_scheme("cookie", {"type": "apiKey", "in": "cookie", "name": "session"})
    app.extensions[_SPEC] = api
    return api


@blueprint.get("/openapi.json")
@public
def openapi() -> Response:
    """The whole API as OpenAPI 3."""
    return Response(json.dumps(_description()), mimetype="application/json", headers={"Cache-Control": "max-age=300"})


@blueprint.get("/docs")
@public
def documentation() -> Response:
    """The description for people: one page, no scripts."""
    return page("api_docs.html", spec=_description())


def _description() -> dict[str, Any]:
    """The description, completed from the guards; cached for the life of the process."""
    known = current_app.extensions[_SPEC]
    if isinstance(known, dict):
        return known
    # A copy, since parts of the original are constants of other modules.
    described: dict[str, Any] = deepcopy(known.spec.to_dict())
    guards = {
        (str(rule.rule), method.lower()): guard_of(current_app.view_functions[rule.endpoint])
        for rule in current_app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    spelled = {(_as_openapi(path), method): guard for (path, method), guard in guards.items()}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            if isinstance(operation, dict):
                _complete(operation, spelled.get((path, method)))
    _introduce(known, described["components"]["schemas"])
    explain(described)
    current_app.extensions[_SPEC] = described
    return described


def _introduce(api: DescribedApi, schemas: dict[str, Any]) -> None:
    """Describe each schema by its class's docstring."""
    for (kind, *_), name in api.ma_plugin.converter.refs.items():
        words = kind.__dict__.get("__doc__")
        if words is not None and name in schemas:
            schemas[name].setdefault("description", " ".join(words.split()))


def _complete(operation: dict[str, Any], guard: str | None) -> None:
    responses = operation.setdefault("responses", {})
    if guard == "public":
        operation["security"] = []
    else:
        responses.setdefault("401", {"$ref": "#/components/responses/DEFAULT_ERROR"})
    if guard is not None and guard.startswith("scope:"):
        operation["x-scope"] = guard.removeprefix("scope:")
        responses.setdefault("403", {"$ref": "#/components/responses/DEFAULT_ERROR"})
    if guard is not None and guard.startswith("role:"):
        operation["x-role"] = guard.removeprefix("role:")
        responses.setdefault("403", {"$ref": "#/components/responses/DEFAULT_ERROR"})


def _as_openapi(rule: str) -> str:
    """A routing rule in OpenAPI's form: parameters in braces, no converters."""
    return "/".join(
        "{" + part.strip("<>").split(":")[-1] + "}" if part.startswith("<") else part for part in rule.split("/")
    )
