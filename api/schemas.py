"""What is shared by all requests and answers of the API: strict reading, careful texts, cursors, moments."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NoReturn
from uuid import UUID

import flask_smorest
import marshmallow as ma
from flask import Request, Response, request
from webargs.flaskparser import FlaskParser

from api.errors import InvalidCursor, InvalidRequest, MalformedJson, NotJson

LIMIT_MAX: Final = 200
LIMIT_DEFAULT: Final = 50
TEXT_LENGTH_MAX: Final = 255
_CURSOR_LENGTH_MAX: Final = 128


class StrictSchema(ma.Schema):
    """A schema that refuses fields which it does not know."""

    class Meta:
        unknown = ma.RAISE


class Text(ma.fields.String):
    """A text without control characters and lone surrogates: PostgreSQL cannot hold them and nobody means them."""

    default_error_messages = {"characters": "must not contain control characters"}  # noqa: RUF012 - marshmallow's way

    def __init__(self, *, length_max: int = TEXT_LENGTH_MAX, length_min: int = 1, **kwargs: Any) -> None:
        kwargs.setdefault("validate", ma.validate.Length(min=length_min, max=length_max))
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not text.isprintable():
            raise self.make_error("characters")
        return text


class StrictParser(FlaskParser):
    """Reads a request's arguments or refuses them in our own words."""

    DEFAULT_UNKNOWN_BY_LOCATION: Final[dict[str, str | None]] = {  # type: ignore[misc]
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": ma.RAISE,
    }

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        """The JSON object in the body. Raises NotJson, MalformedJson."""
        if req.mimetype != "application/json" and not req.mimetype.endswith("+json"):
            raise NotJson
        try:
            body = json.loads(req.get_data(cache=True), parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as fault:
            raise MalformedJson from fault
        if not isinstance(body, dict):
            raise MalformedJson
        return body

    def handle_error(
        self,
        error: ma.ValidationError,
        req: Request,
        schema: ma.Schema,
        *,
        error_status_code: int | None,
        error_headers: Mapping[str, str] | None,
    ) -> NoReturn:
        """Refuse arguments that do not fit their schema, naming each field."""
        messages = error.normalized_messages()
        fields: dict[str, list[str]] = {}
        for part in messages.values() if set(messages) <= {"json", "query", "form"} else [messages]:
            fields.update(_flat(part))
        raise InvalidRequest(
            "; ".join(f"{name}: {' '.join(words)}" for name, words in sorted(fields.items())), fields=fields
        ) from error


class Blueprint(flask_smorest.Blueprint):
    """A blueprint whose arguments are read strictly."""

    ARGUMENTS_PARSER = StrictParser()


class PageQuery(StrictSchema):
    """Which page of a listing: `limit` rows after `cursor`."""

    limit = ma.fields.Integer(
        load_default=LIMIT_DEFAULT,
        strict=False,
        validate=ma.validate.Range(min=1, max=LIMIT_MAX),
        metadata={"description": f"Rows on a page, {LIMIT_MAX} at most."},
    )
    cursor = Text(
        load_default=None,
        length_max=_CURSOR_LENGTH_MAX,
        metadata={"description": "`next_cursor` of the page before; without it, the newest rows."},
    )


class ErrorBody(ma.Schema):
    """What every refusal looks like."""

    error = ma.fields.String(required=True, metadata={"description": "A stable code; docs/errors.md lists them all."})
    error_description = ma.fields.String(required=True)
    timestamp = ma.fields.DateTime(required=True)
    request_id = ma.fields.String(required=True)
    fields_ = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.List(ma.fields.String()),
        data_key="fields",
        metadata={"description": "What is wrong with which field of the request."},
    )


def json_answer(body: Any, status: int = 200) -> Response:
    """A JSON answer; its shape is what the view's documented schema says."""
    return Response(json.dumps(body, separators=(",", ":")), status=status, mimetype="application/json")


def moment(at: datetime | None) -> str | None:
    """A moment as RFC 3339 in UTC with Z, or None."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at is not None else None


def cursor_for(position: UUID | int) -> str:
    """An opaque cursor for the row at this position."""
    raw = position.bytes if isinstance(position, UUID) else b"n" + str(position).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def id_cursor(cursor: str | None) -> UUID | None:
    """The row id in a cursor. Raises InvalidCursor."""
    raw = _raw_cursor(cursor)
    if raw is None:
        return None
    if len(raw) != len(UUID(int=0).bytes):
        raise _bad_cursor()
    return UUID(bytes=raw)


def number_cursor(cursor: str | None) -> int | None:
    """The row number in a cursor. Raises InvalidCursor."""
    raw = _raw_cursor(cursor)
    if raw is None:
        return None
    digits = raw[1:].decode("latin-1")
    if raw[:1] != b"n" or not digits.isdecimal() or not digits.isascii() or int(digits) >= 1 << 63:
        raise _bad_cursor()
    return int(digits)


def page(rows: list[Any], limit: int, shape: Callable[[Any], Any], position: Callable[[Any], UUID | int]) -> Any:
    """A page of a listing; ask for `limit` + 1 rows, so that the last page knows that it is the last."""
    shown = rows[:limit]
    return {
        "items": [shape(row) for row in shown],
        "next_cursor": cursor_for(position(shown[-1])) if len(rows) > limit else None,
    }


def page_schema(name: str, item: type[ma.Schema]) -> type[ma.Schema]:
    """The schema of a page of such items."""
    return ma.Schema.from_dict(
        {
            "items": ma.fields.List(ma.fields.Nested(item), required=True),
            "next_cursor": ma.fields.String(required=True, allow_none=True),
        },
        name=name,
    )


def idempotency_key() -> str | None:
    """The Idempotency-Key header of this request."""
    return request.headers.get("Idempotency-Key")


def _raw_cursor(cursor: str | None) -> bytes | None:
    if cursor is None:
        return None
    try:
        return base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as fault:
        raise _bad_cursor() from fault


def _bad_cursor() -> InvalidCursor:
    return InvalidCursor(fields={"cursor": ["is not a cursor of this listing"]})


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _flat(messages: Any, prefix: str = "") -> dict[str, list[str]]:
    if isinstance(messages, dict):
        flat: dict[str, list[str]] = {}
        for name, inner in messages.items():
            flat.update(_flat(inner, f"{prefix}.{name}" if prefix else str(name)))
        return flat
    words = messages if isinstance(messages, list) else [messages]
    return {prefix or "body": [str(word) for word in words]}
