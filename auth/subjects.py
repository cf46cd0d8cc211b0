"""Subjects: the public keys and addresses that identify people."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from coincurve import PublicKey

from auth.signature_refusals import MalformedKey
from domain.addresses import Address, parse_address
from domain.base58 import decode_base58check
from domain.bech32 import hrp_of
from domain.errors import StrongroomError
from domain.networks import NETWORKS, Network

_COMPRESSED_HEX_LENGTH: Final = 66
_UNCOMPRESSED_HEX_LENGTH: Final = 130
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_FIELD: Final = "subject"


@dataclass(frozen=True, slots=True)
class AddressSubject:
    """An address of a known network, and the message prefixes ("magics") under which its wallets sign.

    Networks share address formats (all Bitcoin test networks; Litecoin's old script addresses and Bitcoin's), so an
    address may belong to several, and any of their prefixes counts.
    """

    address: Address
    magics: tuple[str, ...]


def read_subject(subject: object) -> PublicKey | AddressSubject:
    """The key or address in this text. Raises MalformedKey."""
    if not isinstance(subject, str):
        raise _malformed("must be a string")
    text = subject.strip()
    if set(text) <= _HEX and len(text) in {_COMPRESSED_HEX_LENGTH, _UNCOMPRESSED_HEX_LENGTH}:
        return _public_key(text)
    networks = _networks_of(text)
    try:
        address = parse_address(text, networks[0], field=_FIELD)
    except StrongroomError as reason:
        raise MalformedKey(str(reason), fields=reason.fields) from reason
    return AddressSubject(address, tuple(dict.fromkeys(network.message_magic for network in networks)))


def normalise_subject(subject: object) -> str:
    """The normal form of a subject: a compressed public key in lower-case hex, or the address. Raises MalformedKey.

    Both encodings of a public key and both cases of hex and bech32 are the same identity.
    """
    read = read_subject(subject)
    return read.address.text if isinstance(read, AddressSubject) else read.format().hex()


def _by_hrp() -> Mapping[str, tuple[Network, ...]]:
    found: dict[str, tuple[Network, ...]] = {}
    for network in NETWORKS.values():
        for hrp in (network.hrp, *(refused for refused, _ in network.refused_hrps)):
            found[hrp] = (*found.get(hrp, ()), network)
    return MappingProxyType(found)


def _by_version() -> Mapping[int, tuple[Network, ...]]:
    """Networks by address version; first those that issue it, then those that merely accept it."""
    found: dict[int, tuple[Network, ...]] = {}
    for network in NETWORKS.values():
        for version in (network.p2pkh_prefix, *network.p2sh_prefixes):
            found[version] = (*found.get(version, ()), network)
    return MappingProxyType(
        {
            version: tuple(sorted(networks, key=lambda row: version in row.p2sh_prefixes[1:]))
            for version, networks in found.items()
        }
    )


_BY_HRP: Final = _by_hrp()
_BY_VERSION: Final = _by_version()


def _networks_of(text: str) -> tuple[Network, ...]:
    """The networks that an address may belong to."""
    networks = _BY_HRP.get(hrp_of(text) or "", ())
    if networks:
        return networks
    try:
        raw = decode_base58check(text)
    except ValueError as reason:
        raise _malformed(
            "must be a public key in hexadecimal (66 or 130 characters), or an address of a known network"
        ) from reason
    if not raw or raw[0] not in _BY_VERSION:
        raise _malformed("is an address of a network that is not known here")
    return _BY_VERSION[raw[0]]


def _public_key(text: str) -> PublicKey:
    """The key in hex, compressed or uncompressed; hybrid encodings are refused."""
    raw = bytes.fromhex(text)
    if raw[0] not in ((2, 3) if len(text) == _COMPRESSED_HEX_LENGTH else (4,)):
        raise _malformed("a public key starts with 02, 03 or, when uncompressed, 04")
    try:
        return PublicKey(raw)
    except ValueError as reason:
        raise _malformed("is not a point on the curve") from reason


def _malformed(reason: str) -> MalformedKey:
    return MalformedKey(reason, fields={_FIELD: [reason]})
