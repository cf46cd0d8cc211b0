"""The systemd units start what exists, and systemd understands them where it is here to be asked."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
INSTALLED = "/opt/strongroom"
STARTED = {
    "strongroom.service": ["-m", "cli", "run"],
    "strongroom-realtime@.service": [
        "-m", "gunicorn", "--config", "gunicorn.conf.py", "--bind", "127.0.0.1:%i", "--workers", "1",
        "api.realtime:app",
    ],
}  # fmt: skip


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_what_there_is(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text(encoding="ascii")
    [command] = [line.removeprefix("ExecStart=") for line in text.splitlines() if line.startswith("ExecStart=")]
    python, *arguments = shlex.split(command)
    assert python == f"{INSTALLED}/.venv/bin/python"
    assert f"WorkingDirectory={INSTALLED}\n" in text
    assert arguments == STARTED[unit.name]
    verifier = shutil.which("systemd-analyze")
    if verifier is not None:
        # It also looks for the program, which is elsewhere in a working copy.
        copy = tmp_path / unit.name.replace("@", "@8082")
        copy.write_text(text.replace(python, sys.executable).replace(INSTALLED, str(ROOT)))
        answer = subprocess.run([verifier, "verify", str(copy)], capture_output=True, text=True, check=False)
        assert (answer.returncode, answer.stderr) == (0, "")
