"""The two virtual transactions of BIP-322: one that holds the message, and one that spends it and so signs."""

from dataclasses import dataclass, replace
from typing import Final

from auth.bip322.encoding import Reader, compact_size, hash256, push, string, tagged_hash
from auth.signature_refusals import MalformedSignature

_TAG: Final = "BIP0322-signed-message"
_OP_RETURN: Final = b"\x6a"
_SEGWIT_MARKER: Final = b"\x00\x01"
_ITEMS_MAX: Final = 1_000
_OUTPUT_OF_NOTHING: Final = bytes(32) + b"\xff\xff\xff\xff"


@dataclass(frozen=True, slots=True)
class Input:
    """A transaction's input: the outpoint in 36 bytes, and what satisfies it."""

    outpoint: bytes
    script_sig: bytes = b""
    sequence: int = 0
    witness: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction; `outputs` pairs amounts in the smallest unit with scripts."""

    version: int
    inputs: tuple[Input, ...]
    outputs: tuple[tuple[int, bytes], ...]
    lock_time: int = 0

    @property
    def txid(self) -> bytes:
        """The transaction's hash, in wire byte order."""
        spent = b"".join(
            row.outpoint + string(row.script_sig) + row.sequence.to_bytes(4, "little") for row in self.inputs
        )
        return hash256(
            self.version.to_bytes(4, "little")
            + compact_size(len(self.inputs))
            + spent
            + compact_size(len(self.outputs))
            + b"".join(spell_output(*output) for output in self.outputs)
            + self.lock_time.to_bytes(4, "little")
        )


def message_hash(message: bytes) -> bytes:
    """The tagged hash of the message."""
    return tagged_hash(_TAG, message)


def to_spend(message: bytes, script: bytes) -> Transaction:
    """The transaction whose output of zero is spendable by `script`, and which holds the message."""
    holder = Input(_OUTPUT_OF_NOTHING, b"\x00" + push(message_hash(message)))
    return Transaction(0, (holder,), ((0, script),))


def to_sign(message: bytes, script: bytes, witness: tuple[bytes, ...] = ()) -> Transaction:
    """The plain transaction that spends it: version 0, no time lock."""
    return Transaction(0, (Input(outpoint_of(message, script), witness=witness),), ((0, _OP_RETURN),))


def outpoint_of(message: bytes, script: bytes) -> bytes:
    """The outpoint that a signature of this message spends."""
    return to_spend(message, script).txid + bytes(4)


def is_signing(transaction: Transaction, message: bytes, script: bytes) -> bool:
    """Whether its first input spends the message, and its one output is an OP_RETURN of zero."""
    return transaction.inputs[0].outpoint == outpoint_of(message, script) and transaction.outputs == ((0, _OP_RETURN),)


def spell_output(amount_minor: int, script: bytes) -> bytes:
    """An output, serialised."""
    return amount_minor.to_bytes(8, "little") + string(script)


def read_witness(raw: bytes) -> tuple[bytes, ...]:
    """A witness stack and nothing else. Raises MalformedSignature."""
    reader = Reader(raw)
    items = _witness(reader)
    reader.end()
    return items


def read_transaction(raw: bytes) -> Transaction:
    """A transaction in network form and nothing else. Raises MalformedSignature."""
    reader = Reader(raw)
    version = reader.number(4)
    has_witness = raw[4:6] == _SEGWIT_MARKER
    if has_witness:
        reader.take(len(_SEGWIT_MARKER))
    inputs = tuple(_input(reader) for _ in range(_few(reader)))
    outputs = tuple((reader.number(8), reader.string()) for _ in range(_few(reader)))
    if has_witness:
        inputs = tuple(replace(row, witness=_witness(reader)) for row in inputs)
        if not any(row.witness for row in inputs):
            raise MalformedSignature("the transaction announces witnesses and has none")
    transaction = Transaction(version, inputs, outputs, reader.number(4))
    reader.end()
    if not inputs:
        raise MalformedSignature("the transaction spends nothing")
    return transaction


def _input(reader: Reader) -> Input:
    return Input(reader.take(36), reader.string(), reader.number(4))


def _witness(reader: Reader) -> tuple[bytes, ...]:
    return tuple(reader.string() for _ in range(_few(reader)))


def _few(reader: Reader) -> int:
    """A count no larger than the bytes left, since each item takes one at least."""
    count = reader.count()
    if count > min(reader.left, _ITEMS_MAX):
        raise MalformedSignature("the proof announces more than it holds")
    return count
