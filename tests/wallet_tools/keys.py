"""Keys and descriptors for the tests of the wallet tools, made anew from a number."""

import hashlib
import hmac

from coincurve import PrivateKey

from domain.base58 import encode_base58check
from domain.descriptor_checksum import checksum_of

TPUB_VERSION = bytes.fromhex("043587cf")
TPRV_VERSION = bytes.fromhex("04358394")
XPUB_VERSION = bytes.fromhex("0488b21e")
ZPUB_VERSION = bytes.fromhex("04b24746")


def secret_of(seed: str) -> PrivateKey:
    return PrivateKey(hashlib.sha256(seed.encode()).digest())


def public_hex(seed: str) -> str:
    return secret_of(seed).public_key.format().hex()


def wif(seed: str, version: int = 0xEF) -> str:
    return encode_base58check(bytes([version]) + secret_of(seed).secret + b"\x01")


def extended(seed: str, *, version: bytes = TPUB_VERSION) -> str:
    """A master key (BIP-32) as the private or public spelling of this version."""
    left, chain_code = _halves(seed)
    key = PrivateKey(left)
    body = b"\0" + key.secret if version == TPRV_VERSION else key.public_key.format()
    return encode_base58check(version + bytes(9) + chain_code + body)


def child_key(seed: str, *path: int) -> PrivateKey:
    """The key at m/<path> of that master key."""
    left, chain_code = _halves(seed)
    key = PrivateKey(left)
    for index in path:
        digest = hmac.new(chain_code, key.public_key.format() + index.to_bytes(4), hashlib.sha512).digest()
        key, chain_code = key.add(digest[:32]), digest[32:]
    return key


def summed(body: str) -> str:
    return f"{body}#{checksum_of(body)}"


def _halves(seed: str) -> tuple[bytes, bytes]:
    digest = hmac.new(b"Bitcoin seed", seed.encode(), hashlib.sha512).digest()
    return digest[:32], digest[32:]
