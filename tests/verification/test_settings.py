"""What the environment says of providers, and what is refused."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.verification import verification
from tests.verification.desk import DOLLAR, HOUSE, Desk
from wiring.environ import to_environ
from wiring.parsing import SettingsRefused
from wiring.settings import read_settings
from wiring.verification import build_verifiers

ENVIRONMENT = {
    "STRONGROOM_VERIFY_CHAINS": "solana, tron",
    "STRONGROOM_SOLANA_VERIFY_URLS": "https://one.example/k3y, https://two.example",
    "STRONGROOM_SOLANA_VERIFY_QUORUM": "2",
    "STRONGROOM_TRON_VERIFY_URLS": "https://tron.example",
    "STRONGROOM_TRON_VERIFY_API_KEY": "s3cret",
}


def test_settings_of_providers_reach_child_processes_unchanged(tmp_path: Path) -> None:
    read = read_settings({"STRONGROOM_VAR_DIR": str(tmp_path), **ENVIRONMENT})
    assert [(one.chain, len(one.urls), one.quorum) for one in read.verify_chains] == [("solana", 2, 2), ("tron", 1, 1)]
    assert read_settings(to_environ(read)).verify_chains == read.verify_chains
    assert "k3y" not in repr(read)
    assert "s3cret" not in repr(read)
    assert set(build_verifiers(read.verify_chains, ())) == {"solana", "tron"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"STRONGROOM_VERIFY_CHAINS": "solarna"}, "no payment can be verified"),
        ({"STRONGROOM_SOLANA_VERIFY_URLS": ""}, "must be set"),
        ({"STRONGROOM_SOLANA_VERIFY_QUORUM": "3"}, "must not be more"),
        ({"STRONGROOM_SOLANA_VERIFY_URLS": "https://one.example/k3y,https://x@ONE.example/k4y"}, "must not be more"),
        ({"STRONGROOM_CHAINS": "solana"}, "cannot be followed"),
        ({"STRONGROOM_APTOS_VERIFY_URLS": "https://aptos.example"}, "is not a setting"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsRefused, match=words):
        read_settings({"STRONGROOM_VAR_DIR": str(tmp_path), **ENVIRONMENT, **changes})


def test_an_operator_replays_a_claim_at_the_command_line(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    claimed = desk.claim(desk.pay(1, 9 * DOLLAR))
    desk.check()
    verify = {"STRONGROOM_VERIFY_CHAINS": "solana", "STRONGROOM_SOLANA_VERIFY_URLS": "http://127.0.0.1:9"}
    for name, value in (to_environ(desk.container.settings) | verify).items():
        monkeypatch.setenv(name, value)

    def run(*words: str) -> str:
        outcome = CliRunner().invoke(verification, words, catch_exceptions=False)
        assert outcome.exit_code == 0, outcome.output
        return outcome.output

    assert HOUSE in run("receive")
    assert "no difference" in run("replay", str(claimed))
    assert "set" in run("rule", "USDC.solana", "--tolerance", "1.5")
    told = run("replay", str(claimed))
    assert "was   rejected (amount_mismatch)" in told
    assert "is    verified" in told
    assert desk.told(claimed) == ("rejected", "amount_mismatch")
    assert "it differs" in run("replay", str(claimed), "--apply")
    assert desk.told(claimed) == ("verified", None)
    assert desk.balance() == 9 * DOLLAR
    assert str(claimed) in run("list", "--state", "verified")
    assert "getTransaction" in run("show", str(claimed))
