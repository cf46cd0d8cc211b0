"""Keys of accounts: the one that pays, and those derived from an extended key (BIP-32)."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final, Self

from coincurve import PrivateKey, PublicKey

from domain.base58 import decode_base58check, encode_base58check
from domain.errors import ensure
from domain.evm.addresses import ADDRESS_SIZE, spell_address
from domain.evm.keccak import keccak256

KEY_SIZE: Final = 32
HARDENED: Final = 1 << 31
DEPOSITS_BRANCH: Final = 0
"""External addresses, under an account such as m/44'/60'/0' (BIP-44)."""
_EXTENDED_SIZE: Final = 78
_XPUB: Final = bytes.fromhex("0488b21e")
_XPRV: Final = bytes.fromhex("0488ade4")


class BadExtendedKey(ValueError):
    """The text is not an extended key of the wanted kind."""


@dataclass(frozen=True)
class AccountKey:
    """The private key of one account; it never shows in `repr`."""

    secret: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        """A new key, from the operating system's randomness."""
        return cls(PrivateKey().secret)

    @property
    def payload(self) -> bytes:
        """The account's address as bytes."""
        return address_of(PrivateKey(self.secret).public_key)

    @property
    def address(self) -> str:
        """The account's address in canonical spelling."""
        return spell_address(self.payload)

    def sign(self, digest: bytes) -> tuple[int, int, int]:
        """The signature of a digest: r, s (the lower of the two) and the parity by which the key is recovered."""
        signature = PrivateKey(self.secret).sign_recoverable(digest, hasher=None)
        return int.from_bytes(signature[:32]), int.from_bytes(signature[32:64]), signature[64]


@dataclass(frozen=True)
class ExtendedPublicKey:
    """An extended public key: it derives deposit addresses and can spend nothing."""

    point: PublicKey
    chain_code: bytes

    @classmethod
    def read(cls, text: str) -> Self:
        """Read an xpub. Raises BadExtendedKey; a private key is refused without being repeated."""
        version, chain_code, key = _parts(text)
        if version == _XPRV:
            raise BadExtendedKey("this is an extended private key, where only the public one belongs")
        if version != _XPUB:
            raise BadExtendedKey("this is not an extended public key that begins with xpub")
        try:
            return cls(PublicKey(key), chain_code)
        except ValueError as error:
            raise BadExtendedKey("the key in it is not on the curve") from error

    def write(self) -> str:
        """The xpub, with depth, parent fingerprint and child number zero."""
        return encode_base58check(_XPUB + bytes(9) + self.chain_code + self.point.format())

    def child(self, index: int) -> Self:
        """The child of this index, not hardened."""
        ensure(0 <= index < HARDENED, "a public key has children below 2^31")
        tweak, chain_code = _tweak(self.chain_code, self.point.format(), index)
        return type(self)(self.point.add(tweak), chain_code)

    def deposit_address(self, index: int) -> bytes:
        """The deposit address of this index, as bytes."""
        return address_of(self.child(DEPOSITS_BRANCH).child(index).point)


@dataclass(frozen=True)
class ExtendedPrivateKey:
    """An extended private key: the keys of deposit addresses are its children. It never shows in `repr`."""

    secret: bytes = field(repr=False)
    chain_code: bytes = field(repr=False)

    @classmethod
    def read(cls, text: str) -> Self:
        """Read an xprv. Raises BadExtendedKey, which never repeats it."""
        version, chain_code, key = _parts(text)
        if version != _XPRV:
            raise BadExtendedKey("this is not an extended private key that begins with xprv")
        return cls(key[1:], chain_code)

    @classmethod
    def generate(cls) -> Self:
        """A new one, from the operating system's randomness."""
        return cls(PrivateKey().secret, secrets.token_bytes(KEY_SIZE))

    def write(self) -> str:
        """The xprv, as secret as the key itself; depth, parent fingerprint and child number are zero."""
        return encode_base58check(_XPRV + bytes(9) + self.chain_code + b"\0" + self.secret)

    def child(self, index: int) -> Self:
        """The child of this index, not hardened."""
        ensure(0 <= index < HARDENED, "hardened children are not used here")
        tweak, chain_code = _tweak(self.chain_code, PrivateKey(self.secret).public_key.format(), index)
        return type(self)(PrivateKey(self.secret).add(tweak).secret, chain_code)

    def deposit_key(self, index: int) -> AccountKey:
        """The key of the deposit address of this index."""
        return AccountKey(self.child(DEPOSITS_BRANCH).child(index).secret)

    def public(self) -> ExtendedPublicKey:
        """Its public half."""
        return ExtendedPublicKey(PrivateKey(self.secret).public_key, self.chain_code)


def address_of(point: PublicKey) -> bytes:
    """The address of a public key."""
    return keccak256(point.format(compressed=False)[1:])[-ADDRESS_SIZE:]


def signer_of(digest: bytes, r: int, s: int, parity: int) -> bytes:
    """The address whose key made this signature."""
    signature = r.to_bytes(KEY_SIZE) + s.to_bytes(KEY_SIZE) + bytes([parity])
    return address_of(PublicKey.from_signature_and_message(signature, digest, hasher=None))


def _parts(text: str) -> tuple[bytes, bytes, bytes]:
    try:
        raw = decode_base58check(text)
    except ValueError as error:
        raise BadExtendedKey("this is not an extended key") from error
    if len(raw) != _EXTENDED_SIZE:
        raise BadExtendedKey("this is not an extended key")
    return raw[:4], raw[13:45], raw[45:]


def _tweak(chain_code: bytes, public_key: bytes, index: int) -> tuple[bytes, bytes]:
    """The tweak to add to the parent key, and the child's chain code. (One index in 2^127 is invalid.)"""
    digest = hmac.digest(chain_code, public_key + index.to_bytes(4), hashlib.sha512)
    return digest[:KEY_SIZE], digest[KEY_SIZE:]
