"""A shop that receives webhooks: a process of its own that has one endpoint's secret and nothing else."""

import base64
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
from standardwebhooks import Webhook

from cli import webhook_receiver
from cli.person import Person
from cli.progress import until
from wiring.embedded import process
from wiring.embedded.process import ServerFailed
from wiring.embedded.redis import free_port

PROGRAM: Final = Path(webhook_receiver.__file__)
STOP_PATIENCE_S: Final = 10.0
TIMEOUT_S: Final = 10.0


class Shop:
    """A person's webhook endpoint and the process behind it; closing removes both."""

    def __init__(self, directory: Path, owner: Person) -> None:
        self._directory = directory
        self._owner = owner
        self._endpoint = ""
        self._url = ""
        self._server: subprocess.Popen[bytes] | None = None

    def open(self, *kinds: str) -> str:
        """Register an endpoint for these event types and start the process with its secret; returns its URL.

        Raises Refused, ServerFailed.
        """
        port = free_port()
        self._url = f"http://127.0.0.1:{port}/webhooks"
        made = self._owner.post("/api/v1/webhook-endpoints", {"url": self._url, "kinds": list(kinds)})
        self._endpoint = str(made["id"])
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # In isolated mode it sees neither our source folder nor our environment.
        self._server = process.spawn(
            [*process.dies_with_us(signal.SIGTERM), sys.executable, "-I", str(PROGRAM), str(port)],
            log=self._log,
            directory=self._directory,
            environ={"WEBHOOK_SECRET": str(made["secret"])},
        )
        until(lambda: self._said("listening"))
        return self._url

    def verified(self, text: str) -> str:
        """Wait for the process's line about a verified message with this text; returns it. Raises ServerFailed."""
        return str(until(lambda: self._said("verified", text)))

    def lie_to(self) -> str:
        """Send it the newest message under a new id with a forged signature; returns its answer.

        Raises ServerFailed when it accepts the message.
        """
        owner_path = f"/api/v1/webhook-endpoints/{self._endpoint}/deliveries"
        event = self._owner.get(owner_path)["items"][0]["event"]
        body, now = json.dumps({**event, "id": "flow-0"}), datetime.now(UTC)
        forger = Webhook(base64.b64encode(os.urandom(32)).decode())
        headers = {
            "webhook-id": "flow-0",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": forger.sign("flow-0", now, body),
        }
        answer = httpx.post(self._url, content=body, headers=headers, timeout=TIMEOUT_S, trust_env=False)
        if answer.status_code != webhook_receiver.REFUSED:
            raise ServerFailed(f"the shop answered {answer.status_code} to a forged message")
        return str(until(lambda: self._said("refused")))

    def close(self) -> None:
        """Remove the endpoint, and stop the process."""
        if self._endpoint:
            self._owner.delete(f"/api/v1/webhook-endpoints/{self._endpoint}")
        if self._server is not None:
            process.stop(self._server, stop_signal=signal.SIGTERM, patience_s=STOP_PATIENCE_S)

    @property
    def _log(self) -> Path:
        return self._directory / "shop.log"

    def _lines(self) -> list[str]:
        return self._log.read_text().splitlines()

    def _said(self, *words: str) -> str | None:
        return next((line for line in self._lines() if all(word in line for word in words)), None)
