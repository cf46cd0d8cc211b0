"""Message signatures: what proves that somebody holds the key of a public key or of an address.

A subject is what a person signs in as. Each kind of subject has one verifier in `_VERIFIERS`; a further kind
(BIP-137, BIP-322) is one more function there and one more line in `_kind_of`.
"""

import hashlib
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Final

from coincurve import PublicKey

from auth.ecdsa import SIGNATURE_SIZE, der_of, low_s, read_compact, read_der
from domain.base58 import decode_base58check
from domain.errors import StrongroomError
from domain.networks import NETWORKS

_COMPRESSED_HEX_LENGTH: Final = 66
_UNCOMPRESSED_HEX_LENGTH: Final = 130
_HASH160_SIZE: Final = 20
_SIGNATURE_TEXT_MAX: Final = 200
_HEADER_FIRST: Final = 27
_HEADER_COMPRESSED: Final = 31
_HEADERS: Final = range(_HEADER_FIRST, 35)
_HEX: Final = frozenset("0123456789abcdefABCDEF")


class MalformedKey(StrongroomError):
    """The subject is neither a public key in hex nor a legacy (P2PKH) address."""

    code: ClassVar[str] = "malformed_key"


class MalformedSignature(StrongroomError):
    """The text is not a signature of the kind that this subject gives."""

    code: ClassVar[str] = "malformed_signature"


class InvalidSignature(StrongroomError):
    """The signature was not made by this subject over this message."""

    code: ClassVar[str] = "invalid_signature"


class SubjectKind(StrEnum):
    """The forms in which a person may name themselves."""

    PUBLIC_KEY = "public_key"
    P2PKH = "p2pkh"


def normalise_subject(subject: object) -> str:
    """The one spelling of a subject: a compressed public key in lower-case hex, or the address. Raises MalformedKey.

    Both encodings of a public key, in either case of hex, are the same identity.
    """
    if not isinstance(subject, str):
        raise _malformed_key("must be a string")
    text = subject.strip()
    if _kind_of(text) is SubjectKind.PUBLIC_KEY:
        return _public_key(text).format().hex()
    _address_parts(text)
    return text


def verify(message: str, signature: object, subject: object) -> str:
    """Check that `subject` signed `message`; the answer is the signer's compressed public key in hex.

    A bare public key signs SHA-256 of the UTF-8 message, in DER or as 64 bytes, in hex. A P2PKH address signs as
    wallets' "sign message" does: 65 bytes in base64 over the message with its coin's magic. A signature and its
    high-S twin count the same, so a signature must never serve to recognise a replay.
    Raises MalformedKey, MalformedSignature, InvalidSignature.
    """
    spelled = normalise_subject(subject)
    if not isinstance(signature, str) or len(signature) > _SIGNATURE_TEXT_MAX or not signature.isascii():
        raise MalformedSignature
    try:
        raw_message = message.encode()
    except UnicodeEncodeError as reason:
        raise InvalidSignature("the message is not text that anybody could have signed") from reason
    return _VERIFIERS[_kind_of(spelled)](raw_message, signature.strip(), spelled)


def _verify_public_key(message: bytes, signature: str, subject: str) -> str:
    """ECDSA over SHA-256 of the message by a bare key; hex of DER or of r and s."""
    if not signature or not set(signature) <= _HEX or len(signature) % 2:
        raise MalformedSignature("a public key's signature is hex: DER, or 64 bytes")
    raw = bytes.fromhex(signature)
    try:
        numbers = read_compact(raw) if len(raw) == SIGNATURE_SIZE else read_der(raw)
    except ValueError as reason:
        raise MalformedSignature(str(reason)) from reason
    key = _public_key(subject)
    if not key.verify(der_of(*low_s(*numbers)), message):
        raise InvalidSignature
    return key.format().hex()


def _verify_p2pkh(message: bytes, signature: str, subject: str) -> str:
    """The legacy "sign message" of Bitcoin Core and its relatives: the key is recovered and hashed."""
    try:
        raw = b64decode(signature, validate=True)
    except (Base64Error, ValueError) as reason:
        raise MalformedSignature("an address's signature is base64") from reason
    if len(raw) != 1 + SIGNATURE_SIZE or raw[0] not in _HEADERS:
        raise MalformedSignature("an address's signature is 65 bytes, the first from 27 to 34")
    version, digest = _address_parts(subject)
    is_compressed = raw[0] >= _HEADER_COMPRESSED
    recoverable = raw[1:] + bytes([(raw[0] - _HEADER_FIRST) & 3])
    for magic in _MAGICS[version]:
        try:
            key = PublicKey.from_signature_and_message(recoverable, _message_digest(magic, message), hasher=None)
        except ValueError:
            continue  # no key at all could have made this signature of this digest
        if _hash160(key.format(compressed=is_compressed)) == digest:
            return key.format().hex()
    raise InvalidSignature


_VERIFIERS: Final[Mapping[SubjectKind, Callable[[bytes, str, str], str]]] = MappingProxyType(
    {SubjectKind.PUBLIC_KEY: _verify_public_key, SubjectKind.P2PKH: _verify_p2pkh}
)


def _magics() -> Mapping[int, tuple[str, ...]]:
    """The magics under which an address of each version may sign: test networks share theirs between coins."""
    magics: dict[int, dict[str, None]] = {}
    for network in NETWORKS.values():
        magics.setdefault(network.p2pkh_prefix, {})[network.message_magic] = None
    return MappingProxyType({version: tuple(names) for version, names in magics.items()})


_MAGICS: Final = _magics()


def _kind_of(text: str) -> SubjectKind:
    is_hex = set(text) <= _HEX and len(text) in {_COMPRESSED_HEX_LENGTH, _UNCOMPRESSED_HEX_LENGTH}
    return SubjectKind.PUBLIC_KEY if is_hex else SubjectKind.P2PKH


def _public_key(text: str) -> PublicKey:
    """The key in hex. Hybrid encodings of the same point are refused: nobody needs a third spelling."""
    raw = bytes.fromhex(text)
    if raw[0] not in ((2, 3) if len(text) == _COMPRESSED_HEX_LENGTH else (4,)):
        raise _malformed_key("a public key starts with 02, 03 or, when uncompressed, 04")
    try:
        return PublicKey(raw)
    except ValueError as reason:
        raise _malformed_key("is not a point on the curve") from reason


def _address_parts(text: str) -> tuple[int, bytes]:
    """Version and hash of a P2PKH address."""
    try:
        raw = decode_base58check(text)
    except ValueError as reason:
        raise _malformed_key("must be a public key of 33 or 65 bytes in hex, or a legacy (P2PKH) address") from reason
    if len(raw) != 1 + _HASH160_SIZE or raw[0] not in _MAGICS:
        raise _malformed_key("is an address of another kind; a legacy (P2PKH) address can sign in")
    return raw[0], raw[1:]


def _message_digest(magic: str, message: bytes) -> bytes:
    text = magic.encode()
    framed = _compact_size(len(text)) + text + _compact_size(len(message)) + message
    return hashlib.sha256(hashlib.sha256(framed).digest()).digest()


def _compact_size(number: int) -> bytes:
    """A length as the protocol spells it."""
    for limit, marker, size in ((0xFD, b"", 1), (1 << 16, b"\xfd", 2), (1 << 32, b"\xfe", 4)):
        if number < limit:
            return marker + number.to_bytes(size, "little")
    raise InvalidSignature("the message is longer than anybody could have signed")


def _hash160(data: bytes) -> bytes:
    return hashlib.new("ripemd160", hashlib.sha256(data).digest()).digest()


def _malformed_key(reason: str) -> MalformedKey:
    return MalformedKey(reason, fields={"subject": [reason]})
