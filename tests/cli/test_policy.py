"""The policy on the command line: what cannot be meant is refused before it holds up every withdrawal."""

import pytest
from click.testing import CliRunner, Result

from cli.policy import policy
from domain.rails import RAILS
from services import assets
from wiring.container import Container
from wiring.environ import to_environ


def run(*words: str) -> Result:
    return CliRunner().invoke(policy, [*words])


@pytest.fixture(autouse=True)
def asset_id(container: Container, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in to_environ(container.settings).items():
        monkeypatch.setenv(name, value)
    with container.transaction() as session:
        assets.ensure_rail(session, RAILS["litecoin-regtest"])
    return RAILS["litecoin-regtest"].assets[0].asset_id


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("key_cooldown_s", "99999999999"),
        ("key_cooldown_s", "-1"),
        ("confirmations", "0"),
        ("confirmations", "9" * 5000),
        ("auto_limit", "1000000"),
        ("two_approvals_above", "0.00000001"),
        ("minimum", "NaN"),
        ("fee", "1e3"),
        ("paused", "maybe"),
    ],
)
def test_what_cannot_be_meant_is_refused(asset_id: str, name: str, value: str) -> None:
    before = run("show", asset_id).output
    assert run("set", asset_id, name, value).exit_code == 2
    assert run("show", asset_id).output == before


def test_what_can_be_meant_is_set_and_a_pause_whatever_else_stands(container: Container, asset_id: str) -> None:
    assert "key_cooldown_s       3600" in run("set", asset_id, "key_cooldown_s", "3600").output
    with container.transaction() as session:
        row = assets.policy(session, asset_id)
        row.auto_limit_minor = row.two_approvals_above_minor + 1  # as it may stand since before that was refused
    assert "paused               yes" in run("set", asset_id, "paused", "yes").output
