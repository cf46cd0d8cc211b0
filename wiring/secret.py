"""A value that never shows: not in a repr, a log line, or the locals of a traceback."""

from typing import Final, NoReturn

MASK: Final = "***"


class Secret:
    """Holds a text that is only seen by whoever asks for it by name."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself. Hand it to the library that needs it and keep no copy."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled: it would leave the process in the clear")
