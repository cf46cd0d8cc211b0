"""A price source for the demo: a web server process with one file."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from wiring.embedded import process
from wiring.embedded.redis import free_port

PRICE: Final = "1.0003"
STOP_PATIENCE_S: Final = 10.0


class PriceServer:
    """Python's own web server, with a price in its one file; a restart keeps its address."""

    def __init__(self, directory: Path) -> None:
        self._home = directory
        self._port = free_port()
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of the price, which is `price` in a JSON object."""
        return f"http://127.0.0.1:{self._port}/price.json"

    def start(self) -> None:
        """Start the server."""
        folder = self._home / "public"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "price.json").write_text(json.dumps({"price": PRICE}))
        command = [sys.executable, "-I", "-m", "http.server", str(self._port), "--bind", "127.0.0.1"]
        self._server = process.spawn(
            [*process.dies_with_us(signal.SIGTERM), *command], log=self._home / "server.log", directory=folder
        )

    def kill(self) -> None:
        """Kill it, as a power cut would."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()

    def close(self) -> None:
        """Stop it and remove its file."""
        if self._server is not None:
            process.stop(self._server, stop_signal=signal.SIGTERM, patience_s=STOP_PATIENCE_S)
