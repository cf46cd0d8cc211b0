"""The keys of a private chain of accounts: made once, kept beside its blocks, and worth as little."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.evm.keys import AccountKey, ExtendedPrivateKey
from adapters.evm.keystore import seal, unseal
from wiring.secret import Secret

STRENGTH: Final = 1 << 13
"""Rounds of scrypt: few, because the password lies beside the files, and every process opens them when it starts."""


@dataclass(frozen=True, slots=True)
class AnvilKeys:
    """Where the keys lie and what opens them; `account` is the hot wallet's address."""

    account: str
    keystore: Path
    sweep_keystore: Path
    password: Secret
    xpub: str


def ensure_keys(home: Path) -> AnvilKeys:
    """The keys under this directory, made if there are none: a hot key, and an extended key for deposit addresses."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    password_file, hot, sweep = home / "password", home / "hot.json", home / "sweep.json"
    if not password_file.exists():
        _write(password_file, secrets.token_urlsafe(24))
    password = password_file.read_text(encoding="utf-8").strip()
    if not hot.exists():
        _write(hot, seal(AccountKey.generate().secret, password, strength=STRENGTH))
    if not sweep.exists():
        _write(sweep, seal(ExtendedPrivateKey.generate().write().encode("ascii"), password, strength=STRENGTH))
    extended = ExtendedPrivateKey.read(unseal(sweep, password).decode("ascii"))
    return AnvilKeys(
        account=AccountKey(unseal(hot, password)).address,
        keystore=hot,
        sweep_keystore=sweep,
        password=Secret(password),
        xpub=extended.public().write(),
    )


def _write(path: Path, text: str) -> None:
    """Write a file that its owner alone can read, whole or not at all."""
    draft = path.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.chmod(0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
