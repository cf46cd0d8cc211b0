"""`python -m cli oauth`: replace the key that signs the tokens of apps."""

import os

import click

from auth.oauth import keys
from auth.oauth.provider import Provider
from cli.listing import Listed
from domain.actor import Actor
from services import audit
from wiring.container import build_container
from wiring.embedded.services import provided
from wiring.settings import read_settings


@click.group(cls=Listed)
def oauth() -> None:
    """Look after the provider that apps get their tokens from."""


@oauth.command("rotate-key")
def rotate_key() -> None:
    """Make a new signing key. It is published now and signs an hour from now; the old one is published until its last
    token has expired.
    """
    with provided(read_settings(os.environ), "postgres") as settings:
        parts = build_container(settings, chains={})
        now = parts.now()
        provider = Provider(settings.public_url, settings.secret_key.reveal())
        with parts.transaction() as session:
            kid = keys.rotate(session, provider, now=now)
            audit.record(session, "oauth.key_rotated", by=Actor("cli"), now=now, detail={"kid": kid})
        parts.engine.dispose()
    click.echo(f"{kid}: signs from {now + keys.AHEAD:%Y-%m-%d %H:%M} UTC on.")
