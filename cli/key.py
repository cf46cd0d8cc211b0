"""`python -m cli key`: a key on this machine, for signing in without a wallet."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import click
from coincurve import PrivateKey

from cli.listing import Listed


def _with_key_file(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--key-file",
        type=click.Path(dir_okay=False, path_type=Path),
        default=Path("strongroom.key"),
        show_default=True,
        help="Where the private key is kept, readable by you alone.",
    )(command)


@click.group(cls=Listed)
def key() -> None:
    """Make and use a key on this machine."""


@key.command()
@_with_key_file
def new(key_file: Path) -> None:
    """Make a key, save it, and print its public half. An existing file is never overwritten."""
    private_key = PrivateKey()
    try:
        descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as reason:
        told = f"{key_file} is there already and is kept. `key show` prints its public half; --key-file names another."
        raise click.ClickException(told) from reason
    except OSError as reason:
        raise click.ClickException(f"{key_file} cannot be made: {reason.strerror}") from reason
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(private_key.secret.hex() + "\n")
    click.echo(f"Private key saved to {key_file}. Keep it; whoever has it is you.", err=True)
    click.echo(private_key.public_key.format().hex())


@key.command()
@_with_key_file
def show(key_file: Path) -> None:
    """Print the public key, which is what you sign in as."""
    click.echo(_read(key_file).public_key.format().hex())


@key.command()
@click.argument("message")
@_with_key_file
def sign(message: str, key_file: Path) -> None:
    """Print the signature of MESSAGE, or of what comes on standard input when MESSAGE is "-"."""
    text = sys.stdin.read().removesuffix("\n") if message == "-" else message
    click.echo(_read(key_file).sign(text.encode()).hex())


@key.command()
@click.argument("keystore", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What opens the keystore is in this file, as STRONGROOM_…_KEYSTORE_PASSWORD_FILE names it; else it is asked.",
)
def seal(keystore: Path, password_file: Path | None) -> None:
    """Encrypt a secret into a new KEYSTORE file: a hot key in hex, or the xprv above the deposit addresses.

    Secret and password are asked for, or are the first and second line of standard input, so that no history of
    commands and no list of processes shows them.
    """
    from adapters.evm import keystore as storage  # late: it imports what only chains of accounts need

    text = _asked("Secret", confirmed=False)
    password = password_file.read_text().strip() if password_file else _asked("Password", confirmed=True).strip()
    if not password:
        raise click.ClickException("a keystore needs a password: without one, anybody who finds it can open it")
    try:
        sealed = storage.seal(_sealable(text.strip()), password)
        descriptor = os.open(keystore, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as reason:
        raise click.ClickException(f"{keystore} cannot be made: {reason.strerror}") from reason
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(sealed)
    click.echo(f"Sealed into {keystore}. Keep its password elsewhere.")


def _asked(what: str, *, confirmed: bool) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().removesuffix("\n")
    return str(click.prompt(what, hide_input=True, confirmation_prompt=confirmed))


def _sealable(text: str) -> bytes:
    """The bytes to seal: of a private key, or of an extended key's text."""
    from adapters.evm.keys import BadExtendedKey, ExtendedPrivateKey

    try:
        if text.startswith("xprv"):
            ExtendedPrivateKey.read(text)
            return text.encode("ascii")
        return PrivateKey(bytes.fromhex(text.removeprefix("0x"))).secret
    except (BadExtendedKey, ValueError):
        raise click.ClickException("this is neither a private key in hex nor an extended private key") from None


def _read(key_file: Path) -> PrivateKey:
    try:
        text = key_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as reason:
        raise click.ClickException(f'{key_file} cannot be read; "python -m cli key new" makes one') from reason
    try:
        return PrivateKey(bytes.fromhex(text))
    except ValueError:
        raise click.ClickException(f"{key_file} does not hold a private key") from None  # its text stays secret
