"""Strict validation of dashboards against Grafana's own types, from its Foundation SDK: names, types and values."""

import json
from collections.abc import Iterator, Sequence
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard, DataTransformerConfig

_FREE: Final = frozenset({(DataTransformerConfig, "options")})
"""What nobody has written down the names of."""
_SDK: Final = "grafana_foundation_sdk."
_TAKEN: Final = {float: (int, float), int: (int,), str: (str,), bool: (bool,)}


def faults(dashboard: dict[str, Any]) -> list[str]:
    """The parts of a dashboard that Grafana does not know, or knows as something else, each with its path.

    Grafana's own parser ignores unknown names and checks no types.
    """
    _register()
    return list(_read(dashboard, Dashboard, "dashboard"))


@cache
def _register() -> None:
    register_default_plugins()


def _read(given: dict[str, Any], kind: Any, place: str) -> Iterator[str]:
    read = kind.from_json(given)
    yield from _unknown(given, json.loads(json.dumps(read, cls=JSONEncoder)), place)
    yield from _parts(read, kind, place)


def _unknown(given: Any, written: Any, place: str) -> Iterator[str]:
    """Keys that were given and lost in parsing; additional ones are defaults."""
    if isinstance(given, dict) and isinstance(written, dict):
        for name, value in given.items():
            if name in written:
                yield from _unknown(value, written[name], f"{place}.{name}")
            else:
                yield f"{place}.{name} is nothing that Grafana knows"
    elif isinstance(given, list) and isinstance(written, list) and len(given) == len(written):
        for number, (one, other) in enumerate(zip(given, written, strict=True)):
            yield from _unknown(one, other, f"{place}[{number}]")
    elif given != written:
        yield f"{place} is read as {written!r}"


def _mistyped(value: Any, hint: Any, place: str) -> Iterator[str]:
    kind, inner = get_origin(hint), get_args(hint)
    if kind in {Union, UnionType}:
        yield from _of_several(value, inner, place)
    elif kind is list and isinstance(value, list):
        for number, one in enumerate(value):
            yield from _mistyped(one, inner[0], f"{place}[{number}]")
    elif kind is dict and isinstance(value, dict):
        for name, one in value.items():
            yield from _mistyped(one, inner[1], f"{place}.{name}")
    elif kind is Literal or (isinstance(hint, type) and issubclass(hint, Enum)):
        if value not in (words := [*(inner or hint)]):
            yield f"{place} is {value!r}, not one of {[str(word) for word in words]}"
    elif isinstance(value, dict) and hasattr(hint, "from_json"):
        yield from _read(value, hint, place)  # which the library left as it was
    elif hint in _TAKEN or kind is not None:
        yield from _plain(value, hint, place)
    else:
        yield from _parts(value, hint, place)


def _plain(value: Any, hint: Any, place: str) -> Iterator[str]:
    is_taken = isinstance(value, _TAKEN.get(hint, ()))
    if not is_taken or (isinstance(value, bool) and hint is not bool):
        yield f"{place} is {value!r}, not {hint}"


def _of_several(value: Any, hints: Sequence[Any], place: str) -> Iterator[str]:
    """The faults by the type of a union that fits best; none for an optional value that is absent."""
    if value is None and type(None) in hints:
        return
    found = [list(_mistyped(value, hint, place)) for hint in hints if hint is not type(None)]
    yield from min(found, key=len)


def _parts(value: Any, hint: Any, place: str) -> Iterator[str]:
    """The parts of one object. A part parsed as None has a kind that Grafana does not know."""
    is_anything = isinstance(hint, type) and not hint.__module__.startswith(_SDK)  # object
    if isinstance(value, dict) or not (is_anything or hint is Any or isinstance(value, hint)):
        yield f"{place} is of a kind that Grafana does not know"
    elif type(value).__module__.startswith(_SDK):
        for name, kind in get_type_hints(type(value)).items():
            if (type(value), name) not in _FREE:
                yield from _mistyped(getattr(value, name), kind, f"{place}.{name}")
