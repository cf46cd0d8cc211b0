"""Wallets' "sign message": 65 bytes from which the key is recovered; the first, the header, names the address kind.

Bitcoin Core and its relatives sign for P2PKH with headers from 27 (uncompressed keys) and 31 (compressed). For segwit
addresses Electrum signs with 31 to 34, as if for P2PKH; BIP-137 and Trezor use 35 to 38 for P2SH-P2WPKH and 39 to 42
for P2WPKH. All are accepted, unless the header names another kind than the address's.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from coincurve import PublicKey

from auth.bip322.encoding import hash160, hash256, string
from auth.ecdsa import SIGNATURE_SIZE
from auth.signature_refusals import InvalidSignature, MalformedSignature
from auth.subjects import AddressSubject
from domain.addresses import AddressKind

SIZE: Final = 1 + SIGNATURE_SIZE
_UNCOMPRESSED: Final = range(27, 31)
_COMPRESSED: Final = range(31, 35)
_NESTED_SEGWIT: Final = range(35, 39)
_SEGWIT: Final = range(39, 43)
HEADERS: Final = range(_UNCOMPRESSED.start, _SEGWIT.stop)
"""Every valid header byte."""
_RECOVERY_MASK: Final = 3

_HEADERS_OF: Final[Mapping[AddressKind, tuple[range, ...]]] = MappingProxyType(
    {
        AddressKind.P2PKH: (_UNCOMPRESSED, _COMPRESSED),
        AddressKind.P2SH: (_COMPRESSED, _NESTED_SEGWIT),
        AddressKind.P2WPKH: (_COMPRESSED, _SEGWIT),
    }
)


def verify(message: bytes, raw: bytes, subject: AddressSubject) -> PublicKey:
    """The key that signed, after checking that the address is its own; `raw` is header, r and s. A high S is accepted.

    Raises MalformedSignature when the header is for another kind of address, InvalidSignature.
    """
    header, address = raw[0], subject.address
    if not any(header in headers for headers in _HEADERS_OF.get(address.kind, ())):
        raise MalformedSignature(f"header {header} is not one of this kind of address ({address.kind})")
    recoverable = raw[1:] + bytes([(header - HEADERS.start) & _RECOVERY_MASK])
    for magic in subject.magics:
        try:
            key = PublicKey.from_signature_and_message(recoverable, digest(magic, message), hasher=None)
        except ValueError:
            continue  # no key can have made this signature of this digest
        if _payload(key, address.kind, compressed=header not in _UNCOMPRESSED) == address.payload:
            return key
    raise InvalidSignature


def digest(magic: str, message: bytes) -> bytes:
    """The digest that is signed: of the message, framed so that it cannot be a transaction."""
    return hash256(string(magic.encode()) + string(message))


def _payload(key: PublicKey, kind: AddressKind, *, compressed: bool) -> bytes:
    """The payload of the key's address of this kind."""
    key_hash = hash160(key.format(compressed=compressed))
    return hash160(b"\x00\x14" + key_hash) if kind is AddressKind.P2SH else key_hash
