"""Replacing the signing key on the command line: published at once, and on record."""

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
    kids = []
    for _ in range(2):
        told = CliRunner().invoke(oauth, ["rotate-key"], catch_exceptions=False)
        assert told.exit_code == 0, told.output
        kids.append(told.output.split(":")[0])
    with container.reading() as session:
        listed = [key["kid"] for key in keys.published(session, provider(container), now=container.now())]
        events = session.scalars(select(AuditLog.event)).all()
    assert listed == kids
    assert events == ["oauth.key_rotated"] * 2
