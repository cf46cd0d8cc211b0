"""Recognise what was typed into the search box: an id, a transaction's hash, an address or a key."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from auth import subjects, users
from domain import spellings
from domain.errors import StrongroomError
from domain.ids import read_short_id
from models.flow import Flow
from services import addresses, flow_search
from services.flow_search import Wanted


@dataclass(frozen=True, slots=True)
class Clue:
    """One reading of the text that has flows: its field, its value there, and the link.

    `field` is "id", "user", "tx_hash" or "address". `flows` are the newest two, to tell one from several.
    """

    field: str
    value: str
    flows: Sequence[Flow]


_ENOUGH: Final = 2


def follow(session: Session, text: str) -> list[Clue]:
    """Every reading of a text that has flows."""
    clues = []
    for field, value, wanted in _readings(session, text):
        found = flow_search.search(session, wanted, before=None, limit=_ENOUGH)
        if found:
            clues.append(Clue(field, value, found))
    return clues


def why_none(session: Session, text: str) -> str:
    """The message if nothing has flows: who or what this is, if known."""
    if user_named(session, text) is not None:
        return "This is a person here. No money of theirs has moved."
    if addresses.is_kept(session, spellings.of_address(text)):
        return "This is an address of this house. Nothing has been paid to it."
    return "No movement of money is known by this. It may be cut short or mistyped, or belong to another house."


def user_named(session: Session, text: str) -> UUID | None:
    """The user with this id, key or address."""
    try:
        user_id = UUID(text)
    except ValueError:
        return users.owner_of(session, _subjects(text))
    return user_id if users.is_known(session, user_id) else None


def _readings(session: Session, text: str) -> Iterator[tuple[str, str, Wanted]]:
    """The possible readings. Only keys and addresses can look alike."""
    user_id = user_named(session, text)
    if user_id is not None:
        yield "user", str(user_id), Wanted(user_id=user_id)
    try:
        row_id = UUID(text)
    except ValueError:
        yield from _spelled(text)
        return
    for flow_id in [row_id, *flow_search.of_row(session, row_id)]:
        yield "id", str(flow_id), Wanted(reference=str(flow_id))
    # Some providers' transfer ids look like this, and so do our requests to them.
    yield "tx_hash", str(row_id), Wanted(tx_hash=str(row_id))


def _spelled(text: str) -> Iterator[tuple[str, str, Wanted]]:
    short_id = read_short_id(text)
    if short_id is not None:
        yield "id", short_id, Wanted(reference=short_id)
    yield "tx_hash", text, Wanted(tx_hash=text)
    yield "address", text, Wanted(address=text)


def _subjects(text: str) -> frozenset[str]:
    """The subjects that may sign in with this key or address."""
    try:
        return frozenset({subjects.normalise_subject(text)})
    except StrongroomError:
        return spellings.of_address(text)
