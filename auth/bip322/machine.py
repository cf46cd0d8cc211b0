"""The state of a running script: stacks, branches, and what its signatures and time locks are checked against."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from auth.bip322.transactions import Transaction
from auth.signature_refusals import InvalidSignature

_STACK_ITEMS_MAX: Final = 1_000
_ITEM_SIZE_MAX: Final = 520
_NUMBER_SIZE_MAX: Final = 4
_SIGN_BIT: Final = 0x80
_ZEROS: Final = frozenset({b"", b"\x00", b"\x80"})

CheckSignature = Callable[[bytes, bytes], bool]
"""Whether a signature, the first argument, is by a key. Raises InvalidSignature for a malformed one."""


@dataclass(slots=True)
class Machine:
    """A running script; every failure raises InvalidSignature."""

    transaction: Transaction
    check_signature: CheckSignature
    is_tapscript: bool
    stack: list[bytes]
    checks_left: int
    """How many signature checks are left, which bounds the work that a script can cause."""
    aside: list[bytes] = field(default_factory=list)
    branches: list[bool] = field(default_factory=list)
    signature_count: int = 0

    @property
    def is_running(self) -> bool:
        """Whether every enclosing branch is taken."""
        return all(self.branches)

    def push(self, item: bytes) -> None:
        """Put an item on the stack."""
        demand(len(item) <= _ITEM_SIZE_MAX, "an item is too large")
        demand(len(self.stack) + len(self.aside) < _STACK_ITEMS_MAX, "the stack is too high")
        self.stack.append(item)

    def push_number(self, number: int) -> None:
        """Put a number on the stack."""
        self.push(spell_number(number))

    def pop(self) -> bytes:
        """Remove and return the top item."""
        demand(bool(self.stack), "the stack is empty")
        return self.stack.pop()

    def pop_number(self, size_max: int = _NUMBER_SIZE_MAX) -> int:
        """Remove the top item, as a number."""
        return read_number(self.pop(), size_max)

    def pop_truth(self) -> bool:
        """Remove the top item, as a truth value."""
        return is_true(self.pop())

    def peek(self) -> bytes:
        """The top item, left in place."""
        demand(bool(self.stack), "the stack is too low")
        return self.stack[-1]

    def verify(self) -> None:
        """Remove the top item; fail unless it is true."""
        demand(self.pop_truth(), "a condition is not met")

    def signed(self, signature: bytes, key: bytes) -> bool:
        """Whether the signature is the key's; any other must be empty (NULLFAIL)."""
        if not signature:
            return False
        demand(self.fits(signature, key), "a signature is not the key's")
        return True

    def fits(self, signature: bytes, key: bytes) -> bool:
        """Whether the signature is this key's, where another key may still be tried."""
        demand(self.checks_left > 0, "there are too many signatures to check")
        self.checks_left -= 1
        holds = self.check_signature(signature, key)
        self.signature_count += holds
        return holds


def demand(condition: bool, reason: str) -> None:  # noqa: FBT001 - reads as the sentence it is
    """Check a condition. Raises InvalidSignature."""
    if not condition:
        raise InvalidSignature(f"the proof does not hold: {reason}")


def is_true(item: bytes) -> bool:
    """Whether an item is anything but zero or negative zero."""
    return any(item[:-1]) or item[-1:] not in _ZEROS


def read_number(item: bytes, size_max: int) -> int:
    """A number in its shortest encoding: little-endian, with the sign in the last bit."""
    demand(len(item) <= size_max, "a number is too large")
    if not item:
        return 0
    needs_its_last_byte = bool(item[-1] & ~_SIGN_BIT) or (len(item) > 1 and bool(item[-2] & _SIGN_BIT))
    demand(needs_its_last_byte, "a number is spelled longer than it need be")
    magnitude = int.from_bytes(item, "little")
    if item[-1] & _SIGN_BIT:
        return -(magnitude ^ (_SIGN_BIT << 8 * (len(item) - 1)))
    return magnitude


def spell_number(number: int) -> bytes:
    """The shortest encoding of a number."""
    if number == 0:
        return b""
    size = abs(number).bit_length() // 8 + 1  # room for the sign
    magnitude = abs(number) | (_SIGN_BIT << 8 * (size - 1) if number < 0 else 0)
    return magnitude.to_bytes(size, "little")
