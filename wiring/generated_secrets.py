"""Secrets that a development installation makes up for itself and keeps under its own directory."""

import os
import secrets
from pathlib import Path

SECRET_BYTES = 32


def generated_secret(var_dir: Path, name: str) -> str:
    """The secret of this name, made up on first use; the file is readable by its owner alone.

    Two processes that start together agree: the file appears complete or not at all, and the first one wins.
    """
    directory = var_dir / "secrets"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = directory / name
    if not target.exists():
        draft = directory / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(SECRET_BYTES))
        try:
            target.hardlink_to(draft)
        except FileExistsError:
            return target.read_text()
        finally:
            draft.unlink()
    return target.read_text()
