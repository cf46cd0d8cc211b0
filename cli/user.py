"""`python -m cli user`: give roles to people, take them away, and see who has which."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

from auth import roles, signatures, users
from cli.listing import Listed
from domain.actor import Actor
from models.user import ROLES
from services import audit
from wiring.container import Container, build_container
from wiring.embedded.services import provided
from wiring.settings import read_settings

_KEY = click.argument("public_key")
_ROLE = click.argument("role", type=click.Choice(ROLES))


@click.group(cls=Listed)
def user() -> None:
    """Manage roles.

    PUBLIC_KEY is the key, or the address, that somebody signs in with. A viewer sees everything, an approver also
    decides about withdrawals, deposits set aside and orders, an admin also pauses and resumes, and says what prices,
    screening and conversions go by.
    """


@user.command()
@_KEY
@_ROLE
def grant(public_key: str, role: str) -> None:
    """Give a role, also to somebody who has not signed in yet. It counts from their next request on."""
    subject = signatures.normalise_subject(public_key)
    with _opened() as parts, parts.transaction() as session:
        now, by = parts.now(), _operator()
        known = users.of_subject(session, subject, now=now)
        given = roles.grant(session, known.user_id, role, by=by.name, now=now)
        if given:
            audit.record(session, "role.granted", by=by, now=now, detail={"user_id": str(known.user_id), "role": role})
    who = "who has not signed in yet" if known.is_new else "as of now"
    click.echo(f"{role}: {subject} {who}." if given else f"{subject} is {role} already.")


@user.command()
@_KEY
@_ROLE
def revoke(public_key: str, role: str) -> None:
    """Take a role away. It counts from their next request on."""
    subject = signatures.normalise_subject(public_key)
    with _opened() as parts, parts.transaction() as session:
        now, by = parts.now(), _operator()
        known = users.find(session, subject)
        taken = roles.revoke(session, known.user_id, role)
        if taken:
            audit.record(session, "role.revoked", by=by, now=now, detail={"user_id": str(known.user_id), "role": role})
    click.echo(f"{subject} is no longer {role}." if taken else f"{subject} was not {role}.")


@user.command("list")
def list_() -> None:
    """List everybody who has a role."""
    with _opened() as parts, parts.reading() as session:
        held = roles.holders(session)
    for holder in held:
        click.echo(f"{holder.role:<9} {holder.public_key}  since {holder.granted_at:%Y-%m-%d %H:%M} UTC")
    if not held:
        click.echo("Nobody has a role yet: python -m cli user grant PUBLIC_KEY admin")


@contextmanager
def _opened() -> Iterator[Container]:
    with provided(read_settings(os.environ), "postgres") as settings:
        parts = build_container(settings, chains={})
        try:
            yield parts
        finally:
            parts.engine.dispose()


def _operator() -> Actor:
    return Actor("cli")
