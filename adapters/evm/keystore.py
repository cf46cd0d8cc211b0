"""Keys at rest: Web3 Secret Storage, version 3, the format of geth and of nearly every wallet."""

import hashlib
import hmac
import json
import secrets
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from domain.evm.keccak import keccak256
from domain.node_refusals import WalletLocked, WalletNotLoaded

STRENGTH: Final = 1 << 18
"""scrypt's cost factor, geth's own default: a quarter of a gigabyte and about a second for each guess."""
_STRENGTH_MAX: Final = 1 << 20
_VERSION: Final = 3
_DERIVED_SIZE: Final = 32
_BLOCK: Final = 16


def seal(secret: bytes, password: str, *, strength: int = STRENGTH) -> str:
    """A keystore file holding this secret: a private key, or an extended one spelled out."""
    salt, counter = secrets.token_bytes(32), secrets.token_bytes(_BLOCK)
    derived = Scrypt(salt=salt, length=_DERIVED_SIZE, n=strength, r=8, p=1).derive(password.encode())
    sealed = _crypt(derived, counter, secret)
    return json.dumps(
        {
            "version": _VERSION,
            "id": str(uuid4()),
            "crypto": {
                "cipher": "aes-128-ctr",
                "cipherparams": {"iv": counter.hex()},
                "ciphertext": sealed.hex(),
                "kdf": "scrypt",
                "kdfparams": {"dklen": _DERIVED_SIZE, "n": strength, "r": 8, "p": 1, "salt": salt.hex()},
                "mac": keccak256(derived[_BLOCK:] + sealed).hex(),
            },
        },
        indent=2,
    )


def unseal(path: Path, password: str) -> bytes:
    """The secret in a keystore file. Raises WalletNotLoaded without a readable file, WalletLocked for the password."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        crypto = {name.lower(): value for name, value in stored.items()}["crypto"]
        sealed, counter = bytes.fromhex(crypto["ciphertext"]), bytes.fromhex(crypto["cipherparams"]["iv"])
        mac = bytes.fromhex(crypto["mac"])
        if stored["version"] != _VERSION or crypto["cipher"] != "aes-128-ctr":
            raise WalletNotLoaded("the keystore file is of a kind that is not read here")
        derived = _derive(crypto["kdf"], crypto["kdfparams"], password)
    except OSError as error:
        raise WalletNotLoaded(f"the keystore file cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WalletNotLoaded("the keystore file is damaged, or not a keystore") from error
    if not hmac.compare_digest(keccak256(derived[_BLOCK:] + sealed), mac):
        raise WalletLocked("the password does not open the keystore file")
    return _crypt(derived, counter, sealed)


def _derive(kind: str, facts: dict[str, Any], password: str) -> bytes:
    salt, size = bytes.fromhex(facts["salt"]), facts["dklen"]
    if size < _DERIVED_SIZE:
        raise ValueError("the derived key is too short")
    if kind == "scrypt":
        if facts["n"] > _STRENGTH_MAX:
            raise ValueError("the keystore asks for more memory than is sensible")
        return Scrypt(salt=salt, length=size, n=facts["n"], r=facts["r"], p=facts["p"]).derive(password.encode())
    if kind == "pbkdf2" and facts["prf"] == "hmac-sha256":
        return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, facts["c"], size)
    raise ValueError("the keystore derives its key in an unknown way")


def _crypt(derived: bytes, counter: bytes, data: bytes) -> bytes:
    """AES-128 in counter mode, which is its own inverse."""
    worker = Cipher(algorithms.AES(derived[:_BLOCK]), modes.CTR(counter)).encryptor()
    return worker.update(data) + worker.finalize()
