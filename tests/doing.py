"""One piece of work in a process of its own, `python -m tests.doing mail`, which may be told to die on the way."""

import os
import subprocess
import sys
from pathlib import Path

from domain.crash import CRASH_AT
from tasks import app, flows, mail
from wiring.container import Container
from wiring.environ import to_environ
from wiring.mailing import mailer_of

ROOT = Path(__file__).parent.parent


def die_at(container: Container, work: str, crash_at: str, **more: str) -> int:
    """Do it with the settings of this container; returns how the process ended (-9: killed)."""
    environ = {**os.environ, **to_environ(container.settings), **more, CRASH_AT: crash_at}
    return subprocess.run([sys.executable, "-m", "tests.doing", work], cwd=ROOT, env=environ, check=False).returncode


def main(work: str) -> None:
    """Do it once."""
    if work == "archive":
        flows.archive()
        return
    container = app.container()
    mailer = mailer_of(container.settings)
    assert mailer is not None
    mail.send_due(container, mailer)


if __name__ == "__main__":
    main(sys.argv[1])
