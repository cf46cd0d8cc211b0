"""python -m cli key: a key on this machine, for signing in where no wallet is at hand."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import click
from coincurve import PrivateKey


def _with_key_file(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--key-file",
        type=click.Path(dir_okay=False, path_type=Path),
        default=Path("strongroom.key"),
        show_default=True,
        help="Where the private key is kept, readable by you alone.",
    )(command)


@click.group()
def key() -> None:
    """Make and use a key on this machine."""


@key.command()
@_with_key_file
def new(key_file: Path) -> None:
    """Make a key, save it, and print its public half. An existing file is never overwritten."""
    private_key = PrivateKey()
    try:
        descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
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


def _read(key_file: Path) -> PrivateKey:
    try:
        text = key_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as reason:
        raise click.ClickException(f'{key_file} cannot be read; "python -m cli key new" makes one') from reason
    try:
        return PrivateKey(bytes.fromhex(text))
    except ValueError:
        raise click.ClickException(f"{key_file} does not hold a private key") from None  # its text stays secret
