"""Shared schemas of the API: strict texts, amounts, pages, cursors and times."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import marshmallow as ma
from flask import Response, request

from api.refusals import InvalidCursor

LIMIT_MAX: Final = 200
LIMIT_DEFAULT: Final = 50
TEXT_LENGTH_MAX: Final = 255
_CURSOR_LENGTH_MAX: Final = 128


class StrictSchema(ma.Schema):
    """A schema that refuses fields which it does not know."""

    class Meta:
        """marshmallow's options."""

        unknown = ma.RAISE


class Text(ma.fields.String):
    """A text without control characters and lone surrogates, which PostgreSQL cannot store."""

    default_error_messages = {"characters": "must not contain control characters"}  # noqa: RUF012 - marshmallow's way

    def __init__(self, *, length_max: int = TEXT_LENGTH_MAX, length_min: int = 1, **kwargs: Any) -> None:
        kwargs.setdefault("validate", ma.validate.Length(min=length_min, max=length_max))
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not text.isprintable():
            raise self.make_error("characters")
        return text


class Written(ma.fields.String):
    """A text of several lines, stripped; other control characters are refused."""

    default_error_messages = {"characters": "must not contain control characters"}  # noqa: RUF012 - marshmallow's way

    def __init__(self, *, length_max: int, **kwargs: Any) -> None:
        super().__init__(validate=ma.validate.Length(min=1, max=length_max), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs).replace("\r\n", "\n").strip()
        if not all(character.isprintable() or character in "\n\t" for character in text):
            raise self.make_error("characters")
        return text


def amount_field() -> ma.fields.Raw:
    """An amount in a request: read by domain/money.py, which knows the asset's decimals and refuses by name."""
    return ma.fields.Raw(
        required=True,
        metadata={
            "type": "string",
            "pattern": r"^(0|[1-9][0-9]*)(\.[0-9]+)?$",
            "example": "0.05000000",
            "description": "A decimal string in whole units of the asset.",
        },
    )


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


def page(rows: Sequence[Any], limit: int, shape: Callable[[Any], Any], position: Callable[[Any], UUID | int]) -> Any:
    """A page of a listing; fetch `limit` + 1 rows, so that the last page is recognised."""
    shown = rows[:limit]
    return {
        "items": [shape(row) for row in shown],
        "next_cursor": cursor_for(position(shown[-1])) if len(rows) > limit else None,
    }


def page_schema(name: str, item: type[ma.Schema]) -> type[ma.Schema]:
    """The schema of a page of such items."""
    made = ma.Schema.from_dict(
        {
            "items": ma.fields.List(ma.fields.Nested(item), required=True),
            "next_cursor": ma.fields.String(required=True, allow_none=True),
        },
        name=name,
    )
    made.__doc__ = "A page of rows, and what leads to the one after it."
    return made


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
