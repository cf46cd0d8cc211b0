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
    """Manage the OAuth provider."""


@oauth.command("rotate-key")
@click.option("--at-once", is_flag=True, help="Somebody else may have the old one: believe it no more from now on.")
def rotate_key(*, at_once: bool) -> None:
    """Make a new signing key. It is published now and signs an hour from now; the old one is published until its last
    token has expired.

    With --at-once the new one signs now and no old one is published: apps that keep a copy of the list must read it
    anew to believe what they are given.
    """
    with provided(read_settings(os.environ), "postgres") as settings:
        parts = build_container(settings, chains={})
        now = parts.now()
        provider = Provider(settings.public_url, settings.secret_key.reveal())
        with parts.transaction() as session:
            kid = (keys.replace if at_once else keys.rotate)(session, provider, now=now)
            detail = {"kid": kid, "at_once": at_once}
            audit.record(session, "oauth.key_rotated", by=Actor("cli"), now=now, detail=detail)
        parts.engine.dispose()
    signs_from = now if at_once else now + keys.AHEAD
    click.echo(f"{kid}: signs from {signs_from:%Y-%m-%d %H:%M} UTC on.")
