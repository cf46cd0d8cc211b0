"""The key command: made once, readable by its owner alone, and good for signing in."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adapters.evm.keys import ExtendedPrivateKey
from adapters.evm.keystore import unseal
from auth.signatures import verify
from cli.key import key
from domain.node_refusals import WalletLocked


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(key, arguments, input=stdin)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "my.key"


def test_a_new_key_signs_in(key_file: Path) -> None:
    made = run("new", "--key-file", str(key_file))
    assert made.exit_code == 0
    public_key = made.stdout.strip()
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert key_file.read_text().strip() not in made.output
    assert run("show", "--key-file", str(key_file)).stdout.strip() == public_key
    for signed in (
        run("sign", "a message", "--key-file", str(key_file)),
        run("sign", "-", "--key-file", str(key_file), stdin="a message\n"),
    ):
        assert verify("a message", signed.stdout.strip(), public_key) == public_key


def test_a_key_is_never_overwritten(key_file: Path) -> None:
    run("new", "--key-file", str(key_file))
    before = key_file.read_text()
    again = run("new", "--key-file", str(key_file))
    assert again.exit_code == 1
    assert "is there already and is kept" in again.output
    assert key_file.read_text() == before


@pytest.mark.parametrize("content", [None, "", "zz", "00" * 32, "ff" * 32, "é"])
def test_a_file_that_is_no_key_is_named_and_not_shown(key_file: Path, content: str | None) -> None:
    if content is not None:
        key_file.write_text(content)
    answer = run("sign", "a message", "--key-file", str(key_file))
    assert answer.exit_code == 1
    assert str(key_file) in answer.output
    assert not content or content not in answer.output.replace(str(key_file), "")


def test_a_secret_is_sealed_for_a_chain_of_accounts_and_opens_with_its_password_alone(tmp_path: Path) -> None:
    extended = ExtendedPrivateKey.generate().write()
    file = tmp_path / "sweep.json"
    password_file = tmp_path / "password"
    password_file.write_text("long enough\n")
    made = run("seal", str(file), "--password-file", str(password_file), stdin=f"{extended}\n")
    assert made.exit_code == 0
    assert extended not in made.output + file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert unseal(file, "long enough").decode() == extended
    with pytest.raises(WalletLocked):
        unseal(file, "another")
    assert run("seal", str(file), stdin=f"{extended}\nx\n").exit_code == 1
    refused = run("seal", str(tmp_path / "other.json"), stdin="xprv-is-not-this\nx\n")
    assert "neither a private key" in refused.output


def test_what_opens_a_keystore_is_never_an_argument_and_never_nothing(tmp_path: Path) -> None:
    extended, file = ExtendedPrivateKey.generate().write(), tmp_path / "sweep.json"
    assert run("seal", str(file), "--password", "x", stdin=f"{extended}\n").exit_code == 2
    assert run("seal", str(file), stdin=f"{extended}\n").exit_code == 1
    assert not file.exists()
    assert run("seal", str(file), stdin=f"{extended}\ntold\n").exit_code == 0
    assert unseal(file, "told").decode() == extended
