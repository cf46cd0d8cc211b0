"""The demo's shop believes what was signed with its secret, and nothing else; it needs no line of Strongroom."""

import base64
import json
import os
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook

from cli.shop import PROGRAM
from tests.waiting import eventually
from wiring.embedded import process
from wiring.embedded.redis import free_port

EVENT = {"id": "flow-7", "type": "deposit.credited", "data": {"amount": "2.5", "asset": "rLTC"}}


class Receiver:
    """The program, as the demo starts it, in a folder of its own."""

    def __init__(self, home: Path) -> None:
        self.secret = "whsec_" + base64.b64encode(os.urandom(24)).decode()
        self._log = home / "shop.log"
        port = free_port()
        self._url = f"http://127.0.0.1:{port}/"
        command = [sys.executable, "-I", str(PROGRAM), str(port)]
        self.server = process.spawn(command, log=self._log, directory=home, environ={"WEBHOOK_SECRET": self.secret})

    @property
    def lines(self) -> list[str]:
        return self._log.read_text().splitlines()

    def offer(self, event: object, *, secret: str | None = None) -> int:
        body, now = json.dumps(event), datetime.now(UTC)
        headers = {
            "Webhook-Id": "flow-7",
            "Webhook-Timestamp": str(int(now.timestamp())),
            "Webhook-Signature": Webhook(secret or self.secret).sign("flow-7", now, body),
        }
        return httpx.post(self._url, content=body, headers=headers, trust_env=False).status_code


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    made = Receiver(tmp_path)
    try:
        eventually(lambda: made.lines, what="the receiver")
        yield made
    finally:
        process.stop(made.server, stop_signal=signal.SIGTERM, patience_s=10)


def test_only_what_was_signed_with_the_secret_is_believed_and_only_once(receiver: Receiver) -> None:
    stranger = base64.b64encode(bytes(24)).decode()
    assert receiver.offer(EVENT, secret=stranger) == 401
    assert receiver.offer(EVENT) == 204
    assert receiver.offer(EVENT) == 204
    assert receiver.offer({**EVENT, "note": "x" * 70_000}) == 413
    said = [line.partition(":")[0] for line in receiver.lines[1:]]
    assert said[:3] == ["refused", "verified deposit.credited", "known already"]
    assert said[3].startswith("refused a message of 7")
