"""A typed blueprint that documents its views in OpenAPI and parses their arguments strictly."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn, ParamSpec, TypeVar

import flask_smorest
import marshmallow as ma
from flask import Request
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import RequestEntityTooLarge

from api import json_body
from api.refusals import InvalidRequest, MalformedJson, NotJson

View = TypeVar("View", bound=Callable[..., Any])
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
_LOCATIONS: Final = frozenset({"json", "query"})
_PLAINLY: Final = {
    "Field may not be null.": "must not be null",
    "Missing data for required field.": "is missing",
    "Unknown field.": "is no field of this request",
}


class StrictParser(FlaskParser):
    """Parses a request's arguments, or refuses them with our own errors."""

    DEFAULT_UNKNOWN_BY_LOCATION: Final[dict[str, str | None]] = {  # type: ignore[misc]
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": ma.RAISE,
    }

    def load_json(self, req: Request, schema: ma.Schema) -> Any:  # noqa: ARG002 - webargs fixes the signature
        """The JSON object in the body. Raises NotJson, MalformedJson, RequestEntityTooLarge."""
        if req.mimetype != "application/json" and not req.mimetype.endswith("+json"):
            raise NotJson
        raw = req.get_data(cache=True)
        if req.content_length is None and req.max_content_length is not None and len(raw) >= req.max_content_length:
            # A chunked body has no Content-Length; Werkzeug stops reading it at the limit.
            raise RequestEntityTooLarge
        try:
            body = json_body.parse(raw, parse_constant=_refuse_constant)
        except ValueError as fault:
            raise MalformedJson from fault
        if not isinstance(body, dict):
            raise MalformedJson
        return body

    def handle_error(
        self,
        error: ma.ValidationError,
        req: Request,  # noqa: ARG002 - webargs fixes the signature
        schema: ma.Schema,  # noqa: ARG002
        *,
        error_status_code: int | None,  # noqa: ARG002
        error_headers: Mapping[str, str] | None,  # noqa: ARG002
    ) -> NoReturn:
        """Refuse arguments that do not fit their schema, naming each field."""
        messages: Any = error.messages
        fields: dict[str, list[str]] = {}
        by_location = isinstance(messages, dict) and set(messages) <= _LOCATIONS
        for part in messages.values() if by_location else [messages]:
            fields.update(flat_messages(part))
        words = "; ".join(f"{name}: {' '.join(faults)}" for name, faults in sorted(fields.items()))
        raise InvalidRequest(words, fields=fields) from error


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """flask-smorest's blueprint, with types and with our parser."""

    ARGUMENTS_PARSER = StrictParser()

    def get(self, rule: str) -> Callable[[View], View]:
        """Serve GET requests of this address."""
        return self._typed("GET", rule)

    def post(self, rule: str) -> Callable[[View], View]:
        """Serve POST requests of this address."""
        return self._typed("POST", rule)

    def delete(self, rule: str) -> Callable[[View], View]:
        """Serve DELETE requests of this address."""
        return self._typed("DELETE", rule)

    def takes(
        self, schema: type[ma.Schema], *, location: str = "json"
    ) -> Callable[[Callable[Parameters, Result]], Callable[..., Result]]:
        """Parse the body, or the query, by this schema and pass it to the view as its first argument."""
        # One instance for all requests: making a schema copies every field, and parsing leaves no state in it.
        decorate: Callable[[Callable[Parameters, Result]], Callable[..., Result]] = self.arguments(
            schema(), location=location
        )
        return decorate

    def answers(
        self, status: int, schema: Any = None, *, description: str | None = None, content_type: str | None = None
    ) -> Callable[[View], View]:
        """Describe a view's answer, which the view makes itself."""
        decorate: Callable[[View], View] = self.response(
            status, schema, description=description, content_type=content_type
        )
        return decorate

    def answers_also(self, status: int, schema: Any, *, description: str) -> Callable[[View], View]:
        """Describe a second answer of a view."""
        decorate: Callable[[View], View] = self.alt_response(status, schema=schema, description=description)
        return decorate

    def reads(self, parameters: Sequence[Mapping[str, Any]]) -> Callable[[View], View]:
        """Describe parameters (as OpenAPI does) that a view reads by itself, because it must ignore unknown ones."""
        decorate: Callable[[View], View] = self.doc(parameters=list(parameters))
        return decorate

    def takes_form(self, fields: Mapping[str, str], *, required: Sequence[str] = ()) -> Callable[[View], View]:
        """Describe a form (each field with its meaning) that a view reads by itself, as its protocol demands."""
        schema = {
            "type": "object",
            "properties": {name: {"type": "string", "description": words} for name, words in fields.items()},
            **({"required": list(required)} if required else {}),
        }
        decorate: Callable[[View], View] = self.doc(
            requestBody={"required": True, "content": {"application/x-www-form-urlencoded": {"schema": schema}}}
        )
        return decorate

    def takes_body(self, schema: Mapping[str, Any]) -> Callable[[View], View]:
        """Describe a JSON body (as OpenAPI does) that a view reads by itself, as its protocol demands."""
        decorate: Callable[[View], View] = self.doc(
            requestBody={"required": True, "content": {"application/json": {"schema": dict(schema)}}}
        )
        return decorate

    def needs_key(self, view: View) -> View:
        """Describe the Idempotency-Key of a view, which api/v1/money.py demands."""
        decorate: Callable[[View], View] = self.doc(
            parameters=[
                {
                    "in": "header",
                    "name": "Idempotency-Key",
                    "required": True,
                    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
                    "description": "Names this request: sent again with the same body, it is answered as before.",
                }
            ]
        )
        return decorate(view)

    def _typed(self, method: str, rule: str) -> Callable[[View], View]:
        decorate: Callable[[View], View] = self.route(rule, methods=[method])
        return decorate


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def flat_messages(messages: Any, prefix: str = "") -> dict[str, list[str]]:
    """Marshmallow's messages by the path of their field, which may be any text that the client sent."""
    if isinstance(messages, dict):
        flat: dict[str, list[str]] = {}
        for name, inner in messages.items():
            spelled = "" if name == "_schema" else _printable(str(name))
            flat.update(flat_messages(inner, ".".join(part for part in (prefix, spelled) if part)))
        return flat
    words = messages if isinstance(messages, list) else [messages]
    return {prefix or "body": [_plain(str(word)) for word in words]}


def _plain(fault: str) -> str:
    """A message in the form of ours: it follows the name of the field, and has no full stop."""
    if fault in _PLAINLY:
        return _PLAINLY[fault]
    words = fault.removesuffix(".")
    # Abbreviations stay in capitals.
    return words[:1].lower() + words[1:] if words[1:2].islower() else words


def _printable(name: str) -> str:
    """A name without lone surrogates, which have no UTF-8, and without control characters."""
    return name if name.isprintable() else ascii(name)[1:-1]
