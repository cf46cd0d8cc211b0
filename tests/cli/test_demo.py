"""The demo makes up money, so it runs where money is made up and nowhere else."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.demo import demo
from wiring.embedded.process import ServerFailed


def test_a_demo_does_not_begin_beside_a_real_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_VAR_DIR", str(tmp_path))
    monkeypatch.setenv("STRONGROOM_CHAINS", "bitcoin")
    monkeypatch.setenv("STRONGROOM_BITCOIN_RPC_URL", "http://user:password@127.0.0.1:1")
    result = CliRunner().invoke(demo, ["--once"])
    assert isinstance(result.exception, ServerFailed)
    assert "no STRONGROOM_CHAINS" in str(result.exception)
    assert not (tmp_path / "embedded.json").exists()
