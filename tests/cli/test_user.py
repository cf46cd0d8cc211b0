"""Roles on the command line: given, listed, taken away, and on record."""

from typing import Any

import pytest
from click.testing import CliRunner, Result
from coincurve import PrivateKey
from sqlalchemy import select

from cli.user import user
from models.audit import AuditLog
from models.user import User
from wiring.container import Container
from wiring.settings import Settings

KEY = PrivateKey().public_key.format().hex()


@pytest.fixture
def run(settings: Settings, container: Container, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `python -m cli user …` against the test's own database."""
    assert settings.database_url is not None
    monkeypatch.setenv("DATABASE_URL", settings.database_url.reveal())
    monkeypatch.setenv("STRONGROOM_VAR_DIR", str(settings.var_dir))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(user, arguments, catch_exceptions=False)

    return run


def test_a_role_is_given_listed_and_taken_away(run: Any, container: Container) -> None:
    assert "has not signed in yet" in run("grant", KEY, "approver").output
    assert "is approver already" in run("grant", KEY.upper(), "approver").output
    assert f"approver  {KEY}" in run("list").output
    assert "no longer approver" in run("revoke", KEY, "approver").output
    assert "was not approver" in run("revoke", KEY, "approver").output
    assert "Nobody has a role yet" in run("list").output
    with container.reading() as session:
        assert session.scalars(select(User.last_login_at)).one() is None
        events = session.scalars(select(AuditLog.event).order_by(AuditLog.id)).all()
    assert events == ["role.granted", "role.revoked"]


def test_an_unknown_role_is_refused_with_those_there_are(run: Any) -> None:
    refused = run("grant", KEY, "king")
    assert refused.exit_code == 2
    assert "'viewer', 'approver', 'admin'" in refused.output
