"""Message signatures: proof that the signer holds a private key, or can spend from an address."""

from typing import Final

from coincurve import PublicKey

from auth import signed_messages
from auth.bip322 import proof
from auth.ecdsa import SIGNATURE_SIZE, der_of, low_s, read_compact, read_der
from auth.signature_refusals import (
    InconclusiveSignature,
    InvalidSignature,
    MalformedKey,
    MalformedSignature,
    ProofOfFundsRefused,
    TimeLockedSignature,
)
from auth.subjects import AddressSubject, normalise_subject, read_subject
from domain.addresses import AddressKind

__all__ = [
    "SIGNATURE_LENGTH_MAX",
    "InconclusiveSignature",
    "InvalidSignature",
    "MalformedKey",
    "MalformedSignature",
    "ProofOfFundsRefused",
    "TimeLockedSignature",
    "normalise_subject",
    "verify",
]

SIGNATURE_LENGTH_MAX: Final = 8_192
"""In characters: a full proof by all twenty keys of the largest multisig has some 3,000."""
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_RECOVERABLE: Final = frozenset({AddressKind.P2PKH, AddressKind.P2SH, AddressKind.P2WPKH})
"""The kinds of single-key addresses, which a 65-byte "sign message" signature can prove."""


def verify(message: str, signature: object, subject: object) -> str:
    """Check that `subject` signed `message`; returns the signer's compressed public key in hex.

    For an address without a single known key (P2WSH, P2TR, a script behind P2SH) it returns the address. A bare public
    key signs SHA-256 of the UTF-8 message, in DER or as 64 bytes, in hex. An address signs as wallets' "sign message"
    does (65 bytes), or with a simple or full BIP-322 proof, in base64. Several encodings of one signature are accepted,
    so a signature must never be used to recognise a replay.
    Raises MalformedKey, MalformedSignature, InvalidSignature and their kinds in auth/signature_refusals.py.
    """
    who = read_subject(subject)
    if not isinstance(signature, str) or len(signature) > SIGNATURE_LENGTH_MAX or not signature.isascii():
        raise MalformedSignature
    try:
        raw_message = message.encode()
    except UnicodeEncodeError as reason:
        raise InvalidSignature("the message is not text that anybody could have signed") from reason
    if isinstance(who, AddressSubject):
        return _verify_address(raw_message, signature.strip(), who)
    return _verify_public_key(raw_message, signature.strip(), who)


def _verify_public_key(message: bytes, signature: str, key: PublicKey) -> str:
    """ECDSA over SHA-256 of the message by a bare key; hex of DER or of r and s."""
    if not signature or not set(signature) <= _HEX or len(signature) % 2:
        raise MalformedSignature("a public key's signature is hex: DER, or 64 bytes")
    raw = bytes.fromhex(signature)
    try:
        numbers = read_compact(raw) if len(raw) == SIGNATURE_SIZE else read_der(raw)
    except ValueError as reason:
        raise MalformedSignature(str(reason)) from reason
    if not key.verify(der_of(*low_s(*numbers)), message):
        raise InvalidSignature
    return key.format().hex()


def _verify_address(message: bytes, signature: str, who: AddressSubject) -> str:
    """A signature by an address, in base64: the 65 bytes of "sign message", or a BIP-322 proof."""
    if proof.form_of(signature) is None:
        raw = proof.read_base64(signature)
        if len(raw) == signed_messages.SIZE and raw[0] in signed_messages.HEADERS and who.address.kind in _RECOVERABLE:
            return signed_messages.verify(message, raw, who).format().hex()
    verdict = proof.verify(message, signature, who.address)
    if verdict.is_time_locked:
        raise TimeLockedSignature
    return verdict.public_key.hex() if verdict.public_key is not None else who.address.text
