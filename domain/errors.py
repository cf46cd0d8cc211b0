"""Refusals by name, and the one way to say that an invariant is broken."""

from typing import ClassVar


class StrongroomError(Exception):
    """A refusal that states a fact; `code` is stable and is what callers may rely on.

    `fields` maps the name of a request field to what is wrong with it, when the fact is about one.
    """

    code: ClassVar[str]

    def __init__(self, message: str = "", *, fields: dict[str, list[str]] | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or self.code).strip().splitlines()[0])
        self.fields = fields or {}


class InvariantBroken(Exception):
    """Something that can never be true was true: a bug, never a refusal; only the outermost edge may log it."""


def ensure(condition: bool, message: str) -> None:  # noqa: FBT001 - a condition reads best in first place
    """Crash with what was broken unless `condition` holds. Survives `python -O`."""
    if not condition:
        raise InvariantBroken(message)
