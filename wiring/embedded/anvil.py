"""A private chain of accounts: real blocks, contracts and receipts, worth nothing, made at will."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import httpx

from wiring.embedded import process
from wiring.embedded.process import ServerFailed
from wiring.embedded.redis import free_port

CHAIN: Final = "anvil"
"""The network that it serves."""
START_PATIENCE_S: Final = 30.0
STOP_PATIENCE_S: Final = 20.0
CALL_TIMEOUT_S: Final = 30.0
STATE_INTERVAL_S: Final = 5
RICH: Final = 10**24
"""What the account of the world outside begins with: a million coins."""


class CallRefused(Exception):
    """The chain answered a call with an error; the message carries its words."""


def find_program() -> str | None:
    """Anvil's program: the one on PATH, else the one that `scripts/need anvil` put beside this Python; or None."""
    beside = sorted(Path(sys.prefix).glob("anvil/node_modules/@foundry-rs/anvil-*/bin/anvil"))
    return shutil.which("anvil") or next((str(path) for path in beside), None)


class AnvilServer:
    """One chain under one directory, which it keeps between starts. The caller holds a lock on the directory.

    It listens on a loopback port and signs for accounts of its own, as the world outside. Blocks come every
    `block_time_s`; without it, when `mine` is called, and with each transaction that the world outside sends here,
    unless `mines_at_once` is taken away.
    """

    def __init__(
        self, home: Path, *, program: str | None = None, keeps_state: bool = True, block_time_s: int | None = None
    ) -> None:
        found = program or find_program()
        if found is None:
            raise ServerFailed("anvil is not on PATH; `sh scripts/need anvil` installs it from npm")
        self._program = found
        self._home = home
        self._keeps_state = keeps_state
        self._block_time_s = block_time_s
        self.mines_at_once = block_time_s is None
        self._port = 0
        self._server: subprocess.Popen[bytes] | None = None
        self._http = httpx.Client(timeout=CALL_TIMEOUT_S, trust_env=False)

    @property
    def rpc_url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start, with the blocks of the last time, and wait until it answers. Raises ServerFailed."""
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        pid_file = self._home / "anvil.pid"
        process.clear_leftover(pid_file, works_in=self._home, stop_signal=signal.SIGINT, patience_s=STOP_PATIENCE_S)
        for _ in range(2):  # the port may go to another program in between
            self._launch(pid_file)
            if process.await_truth(self._answers_or_ended, START_PATIENCE_S) and self._answers():
                return
            self.stop()
        raise ServerFailed(f"anvil did not start:\n{process.tail(self._home / 'anvil.log')}")

    def stop(self) -> None:
        """Stop, with its state on disk."""
        self._http.close()
        self._http = httpx.Client(timeout=CALL_TIMEOUT_S, trust_env=False)
        if self._server is not None:
            process.stop(self._server, stop_signal=signal.SIGINT, patience_s=STOP_PATIENCE_S)
            (self._home / "anvil.pid").unlink(missing_ok=True)

    def call(self, method: str, *params: Any) -> Any:
        """One JSON-RPC call, for whoever plays the world outside. Raises CallRefused, httpx.HTTPError."""
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = self._http.post(self.rpc_url, json=asked).json()
        if "error" in answer:
            raise CallRefused(str(answer["error"].get("message", answer["error"])))
        return answer["result"]

    def outsider(self) -> str:
        """The address of an account that the chain itself signs for, with plenty of coins."""
        address: str = self.call("eth_accounts")[0]
        return address

    def ensure_funds(self) -> None:
        """See to it that the outsider has coins, and that the newest block is recent."""
        self.call("anvil_setBalance", self.outsider(), hex(RICH))
        self.mine()

    def mine(self, blocks: int = 1) -> None:
        """Add so many blocks, with what waits."""
        self.call("anvil_mine", hex(blocks))

    def pay(self, address: str, amount_minor: int) -> str:
        """Have the outsider pay coins to an address; the transaction's id."""
        return self.send(address, value_minor=amount_minor)

    def send(
        self, to: str | None, *, data: str = "0x", value_minor: int = 0, priority_fee_minor: int | None = None
    ) -> str:
        """Have the outsider send a transaction, or make a contract (`to` None); the transaction's id."""
        asked = {"from": self.outsider(), "data": data, "value": hex(value_minor)}
        if to is not None:
            asked["to"] = to
        if priority_fee_minor is not None:
            asked["maxPriorityFeePerGas"] = hex(priority_fee_minor)
            asked["maxFeePerGas"] = hex(10 * priority_fee_minor)
        txid: str = self.call("eth_sendTransaction", asked)
        if self.mines_at_once:
            self.mine()
        return txid

    def _launch(self, pid_file: Path) -> None:
        self._port = free_port()
        command = [
            *process.dies_with_us(signal.SIGINT),
            self._program,
            "--host",
            "127.0.0.1",
            "--port",
            str(self._port),
        ]
        command += ["--no-mining"] if self._block_time_s is None else ["--block-time", str(self._block_time_s)]
        if self._keeps_state:
            command += ["--state", str(self._home / "state.json"), "--state-interval", str(STATE_INTERVAL_S)]
        self._server = process.spawn(command, log=self._home / "anvil.log", directory=self._home)
        pid_file.write_text(f"{self._server.pid}\n")

    def _answers_or_ended(self) -> bool:
        return self._server is None or self._server.poll() is not None or self._answers()

    def _answers(self) -> bool:
        try:
            self.call("eth_chainId")
        except (CallRefused, httpx.HTTPError, ValueError):
            return False
        return True
