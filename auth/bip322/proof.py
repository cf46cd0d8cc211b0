"""Verify a BIP-322 proof."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from auth.bip322.spending import SignedBy, check
from auth.bip322.transactions import Transaction, is_signing, read_transaction, read_witness, to_sign
from auth.signature_refusals import (
    InconclusiveSignature,
    InvalidSignature,
    MalformedSignature,
    ProofOfFundsRefused,
)
from domain.addresses import Address, AddressKind

_VERSIONS: Final = frozenset({0, 2})
_PREFIX_LENGTH: Final = 3


class Form(StrEnum):
    """The three forms of a proof, by their prefix."""

    SIMPLE = "smp"
    FULL = "ful"
    PROOF_OF_FUNDS = "pof"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A valid proof, which counts from `lock_time` on and after `sequence`; both are 0 for one without conditions.

    `public_key` is the compressed key of a single-key address, None where the address is all that is known.
    """

    lock_time: int
    sequence: int
    public_key: SignedBy

    @property
    def is_time_locked(self) -> bool:
        """Whether it has a time lock."""
        return bool(self.lock_time or self.sequence)


def verify(message: bytes, proof: str, address: Address) -> Verdict:
    """Check a simple or full proof, with its prefix or without, that whoever can spend from `address` signed.

    Raises MalformedSignature, InvalidSignature, InconclusiveSignature, ProofOfFundsRefused.
    """
    transaction, is_simple = _read(message, proof, address)
    if not is_signing(transaction, message, address.script):
        raise InvalidSignature("the proof is of another message or another address")
    if len(transaction.inputs) > 1:
        raise ProofOfFundsRefused
    public_key = check(transaction, address, is_simple=is_simple)
    if transaction.version not in _VERSIONS:
        raise InconclusiveSignature("the transaction is of a version that has no rules yet")
    return Verdict(transaction.lock_time, transaction.inputs[0].sequence, public_key)


def read_base64(text: str) -> bytes:
    """Decode base64 strictly: standard alphabet, padding, no stray bits. Raises MalformedSignature."""
    try:
        raw = b64decode(text, validate=True)
    except (Base64Error, ValueError) as reason:
        raise MalformedSignature("an address's signature is base64") from reason
    if b64encode(raw).decode() != text:
        raise MalformedSignature("an address's signature is base64, in its one spelling")
    return raw


def form_of(proof: str) -> Form | None:
    """The form that the prefix names, if there is a prefix."""
    prefix = proof[:_PREFIX_LENGTH]
    return Form(prefix) if prefix in set(Form) else None


def _read(message: bytes, proof: str, address: Address) -> tuple[Transaction, bool]:
    """The transaction of a proof, and whether the proof was its witness only."""
    form = form_of(proof)
    if form is Form.PROOF_OF_FUNDS:
        raise ProofOfFundsRefused
    raw = read_base64(proof[_PREFIX_LENGTH:] if form else proof)
    if form is Form.FULL or (form is None and _could_be_transaction(raw)):
        return read_transaction(raw), False
    if address.kind is AddressKind.P2PKH:
        raise MalformedSignature("an address without segwit has no simple proof: send a full one")
    return to_sign(message, address.script, read_witness(raw)), True


def _could_be_transaction(raw: bytes) -> bool:
    """Whether these bytes read as a transaction, which no witness that signs anything does."""
    try:
        read_transaction(raw)
    except MalformedSignature:
        return False
    return True
