"""Addresses of the Bitcoin family, and the scriptPubKey that each stands for."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from domain.base58 import decode_base58check, encode_base58check
from domain.bech32 import decode_segwit, encode_segwit, hrp_of
from domain.errors import StrongroomError
from domain.networks import NETWORKS, Network

ADDRESS_LENGTH_MAX: Final = 150
"""Room for the longest kinds that are refused by name; the codecs are stricter."""
_HASH160_SIZE: Final = 20
_SHA256_SIZE: Final = 32
_TAPROOT_VERSION: Final = 1
_OP_1: Final = 0x51


class InvalidAddress(StrongroomError):
    """This is not an address: unknown format, bad checksum or mixed case."""

    code: ClassVar[str] = "invalid_address"


class WrongNetwork(StrongroomError):
    """The address is valid, but belongs to another network than this wallet."""

    code: ClassVar[str] = "wrong_network_address"


class UnsupportedAddress(StrongroomError):
    """The address belongs to this network, but is of a kind that cannot be paid safely from here."""

    code: ClassVar[str] = "unsupported_address"


class AddressKind(StrEnum):
    """The standard ways to lock an output to an address."""

    P2PKH = "p2pkh"
    P2SH = "p2sh"
    P2WPKH = "p2wpkh"
    P2WSH = "p2wsh"
    P2TR = "p2tr"


@dataclass(frozen=True, slots=True)
class Address:
    """A checked address: its canonical spelling, its kind, the hash or program inside, and its scriptPubKey."""

    text: str
    kind: AddressKind
    payload: bytes
    script: bytes


def parse_address(text: object, network: Network, *, field: str = "address") -> Address:
    """Read an address of `network` (BIP-13, BIP-173, BIP-350).

    The spelling in the answer is canonical: bech32 in lower case, script hashes under the network's first prefix.
    Raises InvalidAddress, WrongNetwork or UnsupportedAddress, each naming `field`.
    """
    if not isinstance(text, str):
        raise _refusal(InvalidAddress, field, "must be a string")
    if not text or len(text) > ADDRESS_LENGTH_MAX or not text.isascii():
        raise _refusal(InvalidAddress, field, "is not an address")
    hrp = hrp_of(text)
    for refused, reason in network.refused_hrps:
        if hrp == refused:
            raise _refusal(UnsupportedAddress, field, reason)
    if hrp in _HRP_NAMES:
        return _parse_segwit(text, hrp, network, field)
    return _parse_base58(text, network, field)


def address_of_script(script: bytes, network: Network) -> str | None:
    """The address whose scriptPubKey this is, or None for a script that has no address here."""
    for kind, head, tail, size in _TEMPLATES:
        if len(script) == len(head) + size + len(tail) and script.startswith(head) and script.endswith(tail):
            return _spell(kind, script[len(head) : len(head) + size], network)
    return None


# Opcodes around the payload: what comes before, what comes after, and how long the payload is.
_TEMPLATES: Final = (
    (AddressKind.P2PKH, b"\x76\xa9\x14", b"\x88\xac", _HASH160_SIZE),
    (AddressKind.P2SH, b"\xa9\x14", b"\x87", _HASH160_SIZE),
    (AddressKind.P2WPKH, b"\x00\x14", b"", _HASH160_SIZE),
    (AddressKind.P2WSH, b"\x00\x20", b"", _SHA256_SIZE),
    (AddressKind.P2TR, bytes([_OP_1, _SHA256_SIZE]), b"", _SHA256_SIZE),
)
_AROUND: Final = {kind: (head, tail) for kind, head, tail, _ in _TEMPLATES}


def _names_by_hrp() -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for row in NETWORKS.values():
        names.setdefault(row.hrp, []).append(row.name)
    return names


def _names_by_version() -> dict[int, list[str]]:
    names: dict[int, list[str]] = {}
    for row in NETWORKS.values():
        for version in (row.p2pkh_prefix, *row.p2sh_prefixes):
            names.setdefault(version, []).append(row.name)
    return names


_HRP_NAMES: Final = _names_by_hrp()
_VERSION_NAMES: Final = _names_by_version()


def _parse_segwit(text: str, hrp: str, network: Network, field: str) -> Address:
    try:
        version, program = decode_segwit(hrp, text)
    except ValueError as reason:
        raise _refusal(InvalidAddress, field, str(reason)) from reason
    if hrp != network.hrp:
        raise _wrong_network(field, _HRP_NAMES[hrp], network)
    kind = _segwit_kind(version, program)
    if kind is None:
        raise _refusal(UnsupportedAddress, field, f"witness version {version} has no rules yet: anyone could spend it")
    return _address(kind, program, network)


def _parse_base58(text: str, network: Network, field: str) -> Address:
    try:
        raw = decode_base58check(text)
    except ValueError as reason:
        raise _refusal(InvalidAddress, field, str(reason)) from reason
    if len(raw) != 1 + _HASH160_SIZE:
        raise _refusal(InvalidAddress, field, "has the wrong length for an address")
    version, payload = raw[0], raw[1:]
    if version == network.p2pkh_prefix:
        return _address(AddressKind.P2PKH, payload, network)
    if version in network.p2sh_prefixes:
        return _address(AddressKind.P2SH, payload, network)
    if version in _VERSION_NAMES:
        raise _wrong_network(field, _VERSION_NAMES[version], network)
    raise _refusal(InvalidAddress, field, "has an unknown prefix")


def _segwit_kind(version: int, program: bytes) -> AddressKind | None:
    if version == 0:
        return AddressKind.P2WPKH if len(program) == _HASH160_SIZE else AddressKind.P2WSH
    if version == _TAPROOT_VERSION and len(program) == _SHA256_SIZE:
        return AddressKind.P2TR
    return None


def _address(kind: AddressKind, payload: bytes, network: Network) -> Address:
    head, tail = _AROUND[kind]
    return Address(_spell(kind, payload, network), kind, payload, head + payload + tail)


def _spell(kind: AddressKind, payload: bytes, network: Network) -> str:
    if kind is AddressKind.P2PKH:
        return encode_base58check(bytes([network.p2pkh_prefix]) + payload)
    if kind is AddressKind.P2SH:
        return encode_base58check(bytes([network.p2sh_prefixes[0]]) + payload)
    return encode_segwit(network.hrp, _TAPROOT_VERSION if kind is AddressKind.P2TR else 0, payload)


def _wrong_network(field: str, names: list[str], network: Network) -> WrongNetwork:
    owners = " or ".join(names)
    message = f"this is an address of {owners}; this wallet is on {network.name}"
    return WrongNetwork(message, fields={field: [message]})


def _refusal(kind: type[StrongroomError], field: str, reason: str) -> StrongroomError:
    return kind(f"{field}: {reason}", fields={field: [reason]})
