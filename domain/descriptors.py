"""Output descriptors (BIP-380 to BIP-386) without private keys: parsed, checked and put in canonical form, offline."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import ClassVar, Final

from domain.addresses import InvalidAddress, UnsupportedAddress, WrongNetwork, parse_address
from domain.descriptor_checksum import CHECKSUM_LENGTH, checksum_of
from domain.errors import StrongroomError
from domain.extended_keys import ExtendedKey, from_payload
from domain.networks import Network
from domain.private_keys import EXTENDED_SIZE, base58_payload, holds_private_key

DESCRIPTOR_LENGTH_MAX: Final = 4096
RANGE_SIZE_MAX: Final = 10_000
RANGE_SIZE_DEFAULT: Final = 1_000
"""How many addresses nodes watch of a ranged descriptor by default."""
_INDEX_LIMIT: Final = 1 << 31
_KEYS_MAX: Final = 20


class InvalidDescriptor(StrongroomError):
    """The text is not an output descriptor; `fields` says what is wrong with it."""

    code: ClassVar[str] = "invalid_descriptor"


class WrongDescriptorChecksum(InvalidDescriptor):
    """The descriptor does not match its checksum: a character is mistyped or missing."""

    code: ClassVar[str] = "wrong_descriptor_checksum"


class UnsupportedDescriptor(InvalidDescriptor):
    """The descriptor is valid, but of a kind that cannot be watched here."""

    code: ClassVar[str] = "unsupported_descriptor"


class PrivateDescriptor(InvalidDescriptor):
    """The descriptor holds a private key. It was not stored; watching needs the public one only."""

    code: ClassVar[str] = "private_descriptor"


class InvalidRange(StrongroomError):
    """This is not a range that can be derived: [first, last], or only the last index."""

    code: ClassVar[str] = "invalid_range"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A checked descriptor: its canonical text with checksum, and the public keys that stand in it in full, in hex.

    Canonical means hardened steps are spelt `h`. A ranged one ends in `/*` and stands for many addresses.
    `extended_keys` are those whose children no address shows: of multisig, Taproot and scripts.
    """

    text: str
    is_ranged: bool
    public_keys: tuple[str, ...]
    extended_keys: tuple[ExtendedKey, ...] = ()


def parse_descriptor(text: object, network: Network) -> Descriptor:
    """Read a descriptor for `network`; its checksum is verified if there is one, and added if there is none.

    No refusal repeats what was typed. Raises PrivateDescriptor before anything else is looked at, then
    WrongDescriptorChecksum, UnsupportedDescriptor and InvalidDescriptor; all name the field `descriptor`.
    """
    if not isinstance(text, str):
        raise _invalid("must be a string")
    text = text.strip()
    if holds_private_key(text):
        raise _refusal(PrivateDescriptor, "holds a private key; export the public descriptor from your wallet instead")
    if not text or len(text) > DESCRIPTOR_LENGTH_MAX:
        raise _invalid(f"must have between 1 and {DESCRIPTOR_LENGTH_MAX} characters")
    body = _without_checksum(text).replace("'", "h")
    found = _expression(body, "top", network)
    return Descriptor(
        f"{body}#{checksum_of(body)}", found.is_ranged, tuple(dict.fromkeys(found.public_keys)), found.extended
    )


def parse_range(value: object, descriptor: Descriptor) -> tuple[int, int] | None:
    """The first and last index to derive, both included; None for a descriptor of one address. Raises InvalidRange."""
    if not descriptor.is_ranged:
        if value is not None:
            raise _bad_range("belongs to a descriptor that ends in /*; this one stands for one address")
        return None
    if value is None:
        return 0, RANGE_SIZE_DEFAULT - 1
    first, last = value if isinstance(value, list) and len(value) == 2 else (0, value)  # noqa: PLR2004 - a pair
    if type(first) is not int or type(last) is not int:
        raise _bad_range("must be [first, last] or the last index, as whole numbers")
    if not 0 <= first <= last < _INDEX_LIMIT:
        raise _bad_range("must begin at 0 or later, not end before it begins, and stay below 2147483648")
    if last - first >= RANGE_SIZE_MAX:
        raise _bad_range(f"may hold {RANGE_SIZE_MAX} addresses at most")
    return first, last


# ------------------------------------------------------------------------------------------------- the text


def _without_checksum(text: str) -> str:
    body, separator, given = text.partition("#")
    try:
        expected = checksum_of(body)
    except ValueError as reason:
        raise _invalid("holds characters that no descriptor has") from reason
    if separator and len(given) != CHECKSUM_LENGTH:
        raise _refusal(WrongDescriptorChecksum, f"has a checksum that is not {CHECKSUM_LENGTH} characters long")
    if separator and given != expected:
        raise _refusal(WrongDescriptorChecksum, "does not match its checksum: a character is mistyped or missing")
    return body


@dataclass(frozen=True, slots=True)
class _Found:
    """What an expression holds."""

    is_ranged: bool
    public_keys: tuple[str, ...]
    extended: tuple[ExtendedKey, ...] = ()


_CALL: Final = re.compile(r"([a-z_]+)\((.*)\)", re.DOTALL)


def _expression(text: str, context: str, network: Network) -> _Found:
    """A function with what is in its brackets; `context` is what stands around it: top, sh or wsh."""
    call = _CALL.fullmatch(text)
    if call is None:
        raise _invalid("must be a function with something in its brackets, such as wpkh(…)")
    name, inside = call.groups()
    if name not in _READERS:
        known = name in {"combo", "raw", "rawtr", "musig", "multi_a", "sortedmulti_a"}
        raise _refusal(
            UnsupportedDescriptor if known else InvalidDescriptor,
            f"uses {name}(), which cannot be watched here" if known else "uses a function that does not exist",
        )
    contexts, read = _READERS[name]
    if context not in contexts:
        where = "on its own" if context == "top" else f"inside {context}()"
        raise _refusal(UnsupportedDescriptor, f"uses {name}() {where}")
    return read(inside, context, network)


def _read_address(inside: str, _context: str, network: Network) -> _Found:
    try:
        parse_address(inside, network)
    except (InvalidAddress, WrongNetwork, UnsupportedAddress) as refusal:
        raise _invalid(f"holds an address that {' '.join(refusal.fields['address'])}") from refusal
    return _Found(is_ranged=False, public_keys=())


def _read_sh(inside: str, _context: str, network: Network) -> _Found:
    return _expression(inside, "sh", network)


def _read_wsh(inside: str, _context: str, network: Network) -> _Found:
    return _expression(inside, "wsh", network)


def _read_any_key(inside: str, context: str, network: Network) -> _Found:
    found = _key(inside, network, is_witness=context == "wsh")
    return replace(found, extended=()) if context == "top" else found


def _read_witness_key(inside: str, _context: str, network: Network) -> _Found:
    return replace(_key(inside, network, is_witness=True), extended=())


def _read_taproot(inside: str, _context: str, network: Network) -> _Found:
    if "," in inside:
        raise _refusal(UnsupportedDescriptor, "uses tr() with scripts, which cannot be watched here")
    return _key(inside, network, is_witness=True, is_taproot=True)


def _read_multi(inside: str, context: str, network: Network) -> _Found:
    threshold, *keys = inside.split(",")
    if not re.fullmatch(r"[1-9][0-9]?", threshold) or not int(threshold) <= len(keys) <= _KEYS_MAX:
        raise _invalid(f"needs a number of signatures and at least as many keys, {_KEYS_MAX} at most")
    found = [_key(key, network, is_witness=context == "wsh") for key in keys]
    return _Found(
        any(key.is_ranged for key in found),
        tuple(text for key in found for text in key.public_keys),
        tuple(extended for key in found for extended in key.extended),
    )


_Reader = Callable[[str, str, Network], _Found]
_READERS: Final[Mapping[str, tuple[frozenset[str], _Reader]]] = MappingProxyType(
    {
        "addr": (frozenset({"top"}), _read_address),
        "pkh": (frozenset({"top", "sh", "wsh"}), _read_any_key),
        "pk": (frozenset({"sh", "wsh"}), _read_any_key),
        "wpkh": (frozenset({"top", "sh"}), _read_witness_key),
        "tr": (frozenset({"top"}), _read_taproot),
        "sh": (frozenset({"top"}), _read_sh),
        "wsh": (frozenset({"top", "sh"}), _read_wsh),
        "multi": (frozenset({"sh", "wsh"}), _read_multi),
        "sortedmulti": (frozenset({"sh", "wsh"}), _read_multi),
    }
)
"""Each function with where it may stand: only what has an address is watched."""

# --------------------------------------------------------------------------------------------------- the keys

_ORIGIN: Final = re.compile(r"\[[0-9a-fA-F]{8}(/[0-9]{1,10}h?)*\]")
_HEX: Final = re.compile(r"[0-9a-fA-F]+")
_COMPRESSED: Final = re.compile(r"0[23][0-9a-fA-F]{64}")
_UNCOMPRESSED: Final = re.compile(r"04[0-9a-fA-F]{128}")
_X_ONLY_LENGTH: Final = 64
_STEP: Final = re.compile(r"[0-9]{1,10}")
_MAIN_VERSION: Final = bytes.fromhex("0488b21e")
_TEST_VERSION: Final = bytes.fromhex("043587cf")


def _key(text: str, network: Network, *, is_witness: bool, is_taproot: bool = False) -> _Found:
    origin = _ORIGIN.match(text)
    head, *steps = text[origin.end() if origin else 0 :].split("/")
    if _HEX.fullmatch(head) and len(head) >= _X_ONLY_LENGTH:
        if steps:
            raise _invalid("derives from a plain public key, which has no children")
        keys = tuple(_plain_keys(head.lower(), is_witness=is_witness, is_taproot=is_taproot))
        return _Found(is_ranged=False, public_keys=keys)
    payload, is_ranged = _extended_payload(head, network), _check_steps(steps)
    path = tuple(int(step) for step in steps if step != "*")
    return _Found(is_ranged, (), (from_payload(payload, path, is_ranged=is_ranged),))


def _plain_keys(text: str, *, is_witness: bool, is_taproot: bool) -> Iterator[str]:
    """The compressed forms of a key in hex: one, or both where only the x coordinate is known."""
    if len(text) == _X_ONLY_LENGTH:
        if not is_taproot:
            # Outside tr(), 32 bytes may well be a private key.
            raise _refusal(PrivateDescriptor, "holds 64 hexadecimal digits where a public key has 66")
        yield from (f"02{text}", f"03{text}")
    elif _COMPRESSED.fullmatch(text):
        yield text
    elif _UNCOMPRESSED.fullmatch(text) and not is_witness:
        yield f"0{2 + int(text[-1], 16) % 2}{text[2:66]}"
    else:
        raise _invalid("holds a public key of the wrong form: 66 hexadecimal digits, beginning with 02 or 03")


def _extended_payload(head: str, network: Network) -> bytes:
    raw = base58_payload(head)
    if len(raw) != EXTENDED_SIZE:
        raise _invalid(
            "holds a key that is neither hexadecimal nor an extended public key; a character may be mistyped"
        )
    wanted, spelt = (_TEST_VERSION, "tpub") if network.is_test else (_MAIN_VERSION, "xpub")
    if raw[:4] in {_MAIN_VERSION, _TEST_VERSION} - {wanted}:
        raise _invalid(f"holds a key of another network: on {network.name} they begin with {spelt}")
    if raw[:4] != wanted:
        raise _refusal(UnsupportedDescriptor, f"holds a key in a wallet's own spelling; convert it to one with {spelt}")
    return raw


def _check_steps(steps: list[str]) -> bool:
    """Whether the path ends in /*."""
    for place, step in enumerate(steps):
        if "<" in step:
            raise _refusal(
                UnsupportedDescriptor, "names several paths at once; import the receiving and the change one by one"
            )
        if step.endswith("h"):
            raise _invalid("has a hardened step after a public key, which nobody can derive")
        if step == "*" and place == len(steps) - 1:
            return True
        if not _STEP.fullmatch(step) or int(step) >= _INDEX_LIMIT:
            raise _invalid("has a derivation path that is not numbers between slashes")
    return False


def _invalid(reason: str) -> StrongroomError:
    return _refusal(InvalidDescriptor, reason)


def _bad_range(reason: str) -> InvalidRange:
    return InvalidRange(f"range: {reason}", fields={"range": [reason]})


def _refusal(kind: type[StrongroomError], reason: str) -> StrongroomError:
    return kind(f"descriptor: {reason}", fields={"descriptor": [reason]})
