"""An operator can list movements of money and follow one from its first event to its last."""

import os

import pytest
from click.testing import CliRunner

from cli.flows import flows
from tests.rail import Rail
from wiring.environ import to_environ


def test_a_deposit_can_be_followed_from_the_command_line(rail: Rail, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("STRONGROOM_")]:
        monkeypatch.delenv(name)
    for name, value in to_environ(rail.container.settings).items():
        monkeypatch.setenv(name, value)
    user = rail.new_user()
    rail.fund(user, 150_000_000)
    listed = CliRunner().invoke(flows, ["list"])
    assert listed.exit_code == 0, listed.output
    (line,) = listed.output.splitlines()
    assert "deposit" in line
    assert "credited" in line
    shown = CliRunner().invoke(flows, ["show", line.split()[0]])
    assert shown.exit_code == 0, shown.output
    assert "transfer" in shown.output
    assert "on chain" in shown.output
    assert CliRunner().invoke(flows, ["list", "--open"]).output == "Nothing is under way.\n"
    assert CliRunner().invoke(flows, ["show", "nothing"]).exit_code == 1
