"""Run Bitcoin's script over a proof's stack, under BIP-322's required rules."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from auth.bip322.machine import Machine, demand, is_true
from auth.bip322.opcodes import BRANCHING, CODESEPARATOR, OPERATIONS
from auth.signature_refusals import InconclusiveSignature

_DIRECT_PUSH_MAX: Final = 75
_LENGTH_SIZES: Final = {0x4C: 1, 0x4D: 2, 0x4E: 4}
_MINUS_ONE: Final = 0x4F
_SMALL_NUMBERS: Final = range(0x51, 0x61)
_NEGATIVE_ONE: Final = b"\x81"
_LAST_PUSH: Final = 0x60
_SCRIPT_SIZE_MAX: Final = 10_000
_OPERATIONS_MAX: Final = 201


class Step(NamedTuple):
    """One operation of a script; `pushed` is the data of a push, None for any other."""

    opcode: int
    pushed: bytes | None


def run(script: bytes, machine: Machine) -> None:
    """Run a script, which must leave exactly one item, true, and have checked a signature.

    A script that can be satisfied without a key identifies nobody, so it is inconclusive.
    Raises InvalidSignature, InconclusiveSignature.
    """
    execute(script, machine)
    demand(len(machine.stack) == 1 and is_true(machine.stack[0]), "the script does not end in a single yes")
    if not machine.signature_count:
        raise InconclusiveSignature("no key signed: this proof could be anybody's")


def execute(script: bytes, machine: Machine) -> None:
    """Run a script and leave its stack. Raises InvalidSignature, InconclusiveSignature."""
    steps = tuple(parse(script))
    _only_known(steps)
    demand(
        machine.is_tapscript or sum(step.opcode > _LAST_PUSH for step in steps) <= _OPERATIONS_MAX,
        "the script has too many operations",
    )
    for step in steps:
        if not machine.is_running and step.opcode not in BRANCHING:
            continue
        if step.pushed is not None:
            machine.push(step.pushed)
        else:
            OPERATIONS[step.opcode](machine)
    demand(not machine.branches, "IF without ENDIF")


def parse(script: bytes) -> Iterator[Step]:
    """The script's steps; every push must be the shortest (MINIMALDATA). Raises InvalidSignature."""
    demand(len(script) <= _SCRIPT_SIZE_MAX, "the script is too long")
    place = 0
    while place < len(script):
        opcode = script[place]
        place += 1
        size = opcode if opcode <= _DIRECT_PUSH_MAX else None
        if opcode in _LENGTH_SIZES:
            width = _LENGTH_SIZES[opcode]
            demand(place + width <= len(script), "the script is cut short")
            size = int.from_bytes(script[place : place + width], "little")
            place += width
        if size is None:
            yield Step(opcode, _small_number(opcode))
            continue
        demand(place + size <= len(script), "the script is cut short")
        pushed = script[place : place + size]
        demand(opcode == _shortest(pushed), "the script pushes in a longer way than it need")
        yield Step(opcode, pushed)
        place += size


def _only_known(steps: tuple[Step, ...]) -> None:
    """Refuse unknown operations in any branch: later rules may give them any meaning (BIP-342's OP_SUCCESS)."""
    for step in steps:
        demand(step.opcode != CODESEPARATOR, "CODESEPARATOR is forbidden")
        if step.pushed is None and step.opcode not in OPERATIONS:
            raise InconclusiveSignature(f"the script uses operation 0x{step.opcode:02x}, which is not understood here")


def _small_number(opcode: int) -> bytes | None:
    if opcode == _MINUS_ONE:
        return _NEGATIVE_ONE
    return bytes([opcode - _SMALL_NUMBERS.start + 1]) if opcode in _SMALL_NUMBERS else None


def _shortest(pushed: bytes) -> int:
    """The shortest operation that pushes these bytes."""
    if pushed == _NEGATIVE_ONE:
        return _MINUS_ONE
    if len(pushed) == 1 and 1 <= pushed[0] <= len(_SMALL_NUMBERS):
        return _SMALL_NUMBERS.start + pushed[0] - 1
    if len(pushed) <= _DIRECT_PUSH_MAX:
        return len(pushed)
    return next(opcode for opcode, width in _LENGTH_SIZES.items() if len(pushed) < 1 << 8 * width)
