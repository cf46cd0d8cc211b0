"""Read the filter form of the flows, field by field."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from api.pages import flow_clues, sentences
from api.pages.shapes import FormField
from api.pages.wording import spoken
from domain.flows import FLOW_KINDS
from domain.ids import read_short_id
from services.flow_search import Wanted

FIELDS: Final = ("id", "user", "kind", "state", "asset", "tx_hash", "address", "older", "newer")
TEXT_LENGTH_MAX: Final = 200
STATES: Final = tuple(sorted({state for kind in FLOW_KINDS.values() for state in kind.states}))
_NAME: Final = re.compile(r"[\w:./+-]+", re.ASCII)
_AGE: Final = re.compile(r"(\d{1,5}) ?(s|min|h|d|w)", re.ASCII)
_UNITS: Final[Mapping[str, timedelta]] = {
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_AGE_MAX: Final = timedelta(weeks=5_000)


class Unreadable(ValueError):
    """The error of a field, as a sentence beside it."""


@dataclass(frozen=True, slots=True)
class Filters:
    """The form as it was filled in; `wanted` is None while a field is invalid."""

    fields: Mapping[str, FormField]
    wanted: Wanted | None

    @property
    def asked(self) -> dict[str, str]:
        """The filled-in fields."""
        return {name: field.value for name, field in self.fields.items() if field.value}


def read(session: Session, typed: Mapping[str, str], *, asset_ids: Collection[str], now: datetime) -> Filters:
    """Read the form; ages are counted back from `now`."""
    values = {name: typed.get(name, "").strip()[:TEXT_LENGTH_MAX] for name in FIELDS}
    read_: dict[str, Any] = {}
    errors: dict[str, str] = {}

    def take(name: str, into: str, reading: Callable[[str], object]) -> None:
        if values[name]:
            try:
                read_[into] = reading(values[name])
            except Unreadable as reason:
                errors[name] = str(reason)

    take("id", "reference", _reference)
    take("user", "user_id", lambda text: _user(session, text))
    take("kind", "kind", _kind)
    take("state", "state", lambda text: _state(text, read_.get("kind")))
    take("asset", "asset_id", lambda text: _asset(text, asset_ids))
    take("tx_hash", "tx_hash", lambda text: _name(text, "a transaction's hash"))
    take("address", "address", lambda text: _name(text, "an address"))
    take("older", "opened_before", lambda text: now - _age(text))
    take("newer", "opened_after", lambda text: now - _age(text))
    if {"opened_after", "opened_before"} <= read_.keys() and read_["opened_after"] >= read_["opened_before"]:
        errors["older"] = f"Nothing is older than {values['older']} and newer than {values['newer']}."
    fields = {name: FormField(value, (errors[name],) if name in errors else ()) for name, value in values.items()}
    return Filters(fields, None if errors else Wanted(**read_))


def _reference(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        short_id = read_short_id(text)
    if short_id is None:
        raise Unreadable("This is neither an id nor a short id, which has ten letters and digits.")
    return short_id


def _user(session: Session, text: str) -> UUID:
    user_id = flow_clues.user_named(session, _name(text, "a person's id or key"))
    if user_id is None:
        raise Unreadable("Nobody here has this id, key or address.")
    return user_id


def _kind(text: str) -> str:
    if text not in FLOW_KINDS:
        raise Unreadable("There is no such kind of movement.")
    return text


def _state(text: str, kind: str | None) -> str:
    if text not in STATES:
        raise Unreadable("There is no such state.")
    if kind is not None and text not in FLOW_KINDS[kind].states:
        known = ", ".join(spoken(state) for state in FLOW_KINDS[kind].states)
        raise Unreadable(f"No {sentences.kind_word(kind)} is ever {spoken(text)}. Its states are: {known}.")
    return text


def _asset(text: str, asset_ids: Collection[str]) -> str:
    if text not in asset_ids:
        raise Unreadable("This house keeps no such asset.")
    return text


def _name(text: str, what: str) -> str:
    if not _NAME.fullmatch(text):
        raise Unreadable(f"This is not {what}: it holds a space or another sign that none of them has.")
    return text


def _age(text: str) -> timedelta:
    found = _AGE.fullmatch(text)
    if found is None:
        raise Unreadable("Write a number and s, min, h, d or w, such as 90 min or 2 d.")
    return min(int(found[1]) * _UNITS[found[2]], _AGE_MAX)
