"""Replacing the signing key on the command line: published at once, and on record."""

import jwt
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from api.access import provider
from auth.oauth import keys
from cli.oauth import oauth
from models.audit import AuditLog
from wiring.container import Container
from wiring.settings import Settings


def test_a_new_key_is_published_and_on_record(
    settings: Settings, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.database_url is not None
    monkeypatch.setenv("DATABASE_URL", settings.database_url.reveal())
    monkeypatch.setenv("STRONGROOM_VAR_DIR", str(settings.var_dir))

    def rotated(*options: str) -> str:
        told = CliRunner().invoke(oauth, ["rotate-key", *options], catch_exceptions=False)
        assert told.exit_code == 0, told.output
        return told.output.split(":")[0]

    def listed() -> list[str]:
        with container.reading() as session:
            return [key["kid"] for key in keys.published(session, provider(container), now=container.now())]

    kids = [rotated(), rotated()]
    assert listed() == kids
    # The first and the one that was to sign an hour later may be in wrong hands: neither is believed from now on.
    fresh = rotated("--at-once")
    assert listed() == [fresh]
    with container.transaction() as session:
        signed = keys.sign(session, provider(container), {}, kind="JWT", now=container.now())
        events = session.scalars(select(AuditLog.event)).all()
    assert jwt.get_unverified_header(signed)["kid"] == fresh
    assert events == ["oauth.key_rotated"] * 3
