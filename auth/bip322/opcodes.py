"""The operations of Bitcoin's script that standard wallets use (all of Miniscript's), by their number.

A proof that needs an operation not in `OPERATIONS` is inconclusive.
"""

import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from auth.bip322.encoding import hash160, hash256, sha256
from auth.bip322.machine import Machine, demand, is_true
from auth.signature_refusals import InconclusiveSignature

_KEYS_MAX: Final = 20
_LOCK_SIZE_MAX: Final = 5
_LOCK_IS_TIME_FROM: Final = 500_000_000
_SEQUENCE_FINAL: Final = 0xFFFFFFFF
_SEQUENCE_DISABLED: Final = 1 << 31
_SEQUENCE_IS_TIME: Final = 1 << 22
_SEQUENCE_VALUE: Final = 0xFFFF
_RELATIVE_LOCKS_SINCE: Final = 2

Operation = Callable[[Machine], None]


def _nothing(_machine: Machine) -> None:
    """NOP."""


def _branch(machine: Machine, *, wanted: bool) -> None:
    """IF and NOTIF; their argument must be exactly 1 or empty (MINIMALIF)."""
    taken = False
    if machine.is_running:
        item = machine.pop()
        demand(item in {b"", b"\x01"}, "a branch depends on something other than one or nothing")
        taken = bool(item) is wanted
    machine.branches.append(taken)


def _else(machine: Machine) -> None:
    demand(bool(machine.branches), "ELSE without IF")
    machine.branches[-1] = not machine.branches[-1]


def _end_if(machine: Machine) -> None:
    demand(bool(machine.branches), "ENDIF without IF")
    machine.branches.pop()


def _return(_machine: Machine) -> None:
    demand(False, "the script ends in failure")


def _move(take: int, *leave: int) -> Operation:
    """An operation that takes items and puts them back in this order (0 was the lowest)."""

    def operation(machine: Machine) -> None:
        demand(len(machine.stack) >= take, "the stack is too low")
        items = machine.stack[-take:]
        del machine.stack[-take:]
        for place in leave:
            machine.push(items[place])

    return operation


def _if_dup(machine: Machine) -> None:
    if is_true(machine.peek()):
        machine.push(machine.peek())


def _to_aside(machine: Machine) -> None:
    machine.aside.append(machine.pop())


def _from_aside(machine: Machine) -> None:
    demand(bool(machine.aside), "nothing was put aside")
    machine.push(machine.aside.pop())


def _equal(machine: Machine) -> None:
    machine.push_number(machine.pop() == machine.pop())


def _hash(function: Callable[[bytes], bytes]) -> Operation:
    return lambda machine: machine.push(function(machine.pop()))


def _ripemd160(raw: bytes) -> bytes:
    return hashlib.new("ripemd160", raw).digest()


def _of_one(function: Callable[[int], int]) -> Operation:
    return lambda machine: machine.push_number(function(machine.pop_number()))


def _of_two(function: Callable[[int, int], int]) -> Operation:
    def operation(machine: Machine) -> None:
        second, first = machine.pop_number(), machine.pop_number()
        machine.push_number(function(first, second))

    return operation


def _within(machine: Machine) -> None:
    end, start, number = machine.pop_number(), machine.pop_number(), machine.pop_number()
    machine.push_number(start <= number < end)


def _check_signature(machine: Machine) -> None:
    key, signature = machine.pop(), machine.pop()
    machine.push_number(machine.signed(signature, key))


def _check_signature_add(machine: Machine) -> None:
    demand(machine.is_tapscript, "CHECKSIGADD outside of a Taproot script")
    key, number, signature = machine.pop(), machine.pop_number(), machine.pop()
    machine.push_number(number + machine.signed(signature, key))


def _check_multisignature(machine: Machine) -> None:
    """CHECKMULTISIG: signatures in the order of their keys; one that fits no key fails the proof."""
    demand(not machine.is_tapscript, "CHECKMULTISIG in a Taproot script")
    keys = iter(_several(machine, _KEYS_MAX))
    signatures = _several(machine, _KEYS_MAX)
    demand(not machine.pop(), "the item that CHECKMULTISIG ignores is not empty")
    if any(signatures) or not signatures:
        for signature in signatures:
            fits = any(machine.fits(signature, key) for key in keys)
            demand(fits, "a signature is by none of the keys that are left")
    machine.push_number(any(signatures) or not signatures)


def _several(machine: Machine, count_max: int) -> list[bytes]:
    """A count from the stack, and as many items in the order in which they were pushed."""
    count = machine.pop_number()
    demand(0 <= count <= count_max, "there are too many keys or signatures")
    return [machine.pop() for _ in range(count)][::-1]


def _check_lock_time(machine: Machine) -> None:
    """CHECKLOCKTIMEVERIFY (BIP-65), against the transaction's own lock time."""
    wanted = _lock(machine)
    stated = machine.transaction.lock_time
    demand((wanted < _LOCK_IS_TIME_FROM) is (stated < _LOCK_IS_TIME_FROM), "a time lock is of the other kind")
    demand(wanted <= stated, "a time lock is not met")
    demand(machine.transaction.inputs[0].sequence != _SEQUENCE_FINAL, "the transaction switches its lock time off")


def _check_sequence(machine: Machine) -> None:
    """CHECKSEQUENCEVERIFY (BIP-112), against the transaction's own sequence."""
    wanted = _lock(machine)
    if wanted & _SEQUENCE_DISABLED:
        return
    stated = machine.transaction.inputs[0].sequence
    demand(machine.transaction.version >= _RELATIVE_LOCKS_SINCE, "relative locks need version 2")
    demand(not stated & _SEQUENCE_DISABLED, "the transaction switches its relative lock off")
    demand(wanted & _SEQUENCE_IS_TIME == stated & _SEQUENCE_IS_TIME, "a relative lock is of the other kind")
    demand(wanted & _SEQUENCE_VALUE <= stated & _SEQUENCE_VALUE, "a relative lock is not met")


def _lock(machine: Machine) -> int:
    """The top item as a number, left in place."""
    item = machine.peek()
    wanted = machine.pop_number(_LOCK_SIZE_MAX)
    machine.push(item)
    demand(wanted >= 0, "a lock is negative")
    return wanted


def _reserved(_machine: Machine) -> None:
    raise InconclusiveSignature("the script uses an operation that is reserved for later rules")


def _and_verify(operation: Operation) -> Operation:
    def both(machine: Machine) -> None:
        operation(machine)
        machine.verify()

    return both


IF: Final = 0x63
NOTIF: Final = 0x64
ELSE: Final = 0x67
ENDIF: Final = 0x68
BRANCHING: Final = frozenset({IF, NOTIF, ELSE, ENDIF})
"""The operations that count in branches not taken as well."""
CODESEPARATOR: Final = 0xAB

_NUM_EQUAL: Final = _of_two(lambda first, second: first == second)

OPERATIONS: Final[Mapping[int, Operation]] = MappingProxyType(
    {
        0x61: _nothing,
        IF: lambda machine: _branch(machine, wanted=True),
        NOTIF: lambda machine: _branch(machine, wanted=False),
        ELSE: _else,
        ENDIF: _end_if,
        0x69: Machine.verify,
        0x6A: _return,
        0x6B: _to_aside,
        0x6C: _from_aside,
        0x6D: _move(2),  # 2DROP
        0x6E: _move(2, 0, 1, 0, 1),  # 2DUP
        0x6F: _move(3, 0, 1, 2, 0, 1, 2),  # 3DUP
        0x73: _if_dup,
        0x74: lambda machine: machine.push_number(len(machine.stack)),  # DEPTH
        0x75: _move(1),  # DROP
        0x76: _move(1, 0, 0),  # DUP
        0x77: _move(2, 1),  # NIP
        0x78: _move(2, 0, 1, 0),  # OVER
        0x7B: _move(3, 1, 2, 0),  # ROT
        0x7C: _move(2, 1, 0),  # SWAP
        0x7D: _move(2, 1, 0, 1),  # TUCK
        0x82: lambda machine: machine.push_number(len(machine.peek())),  # SIZE
        0x87: _equal,
        0x88: _and_verify(_equal),
        0x8B: _of_one(lambda number: number + 1),
        0x8C: _of_one(lambda number: number - 1),
        0x8F: _of_one(lambda number: -number),
        0x90: _of_one(abs),
        0x91: _of_one(lambda number: number == 0),  # NOT
        0x92: _of_one(lambda number: number != 0),  # 0NOTEQUAL
        0x93: _of_two(lambda first, second: first + second),
        0x94: _of_two(lambda first, second: first - second),
        0x9A: _of_two(lambda first, second: first != 0 and second != 0),  # BOOLAND
        0x9B: _of_two(lambda first, second: first != 0 or second != 0),  # BOOLOR
        0x9C: _NUM_EQUAL,
        0x9D: _and_verify(_NUM_EQUAL),
        0x9E: _of_two(lambda first, second: first != second),
        0x9F: _of_two(lambda first, second: first < second),
        0xA0: _of_two(lambda first, second: first > second),
        0xA1: _of_two(lambda first, second: first <= second),
        0xA2: _of_two(lambda first, second: first >= second),
        0xA3: _of_two(min),
        0xA4: _of_two(max),
        0xA5: _within,
        0xA6: _hash(_ripemd160),
        0xA8: _hash(sha256),
        0xA9: _hash(hash160),
        0xAA: _hash(hash256),
        0xAC: _check_signature,
        0xAD: _and_verify(_check_signature),
        0xAE: _check_multisignature,
        0xAF: _and_verify(_check_multisignature),
        0xB1: _check_lock_time,
        0xB2: _check_sequence,
        0xBA: _check_signature_add,
        **dict.fromkeys((0xB0, *range(0xB3, 0xBA)), _reserved),
    }
)
"""Every operation but the pushes."""
