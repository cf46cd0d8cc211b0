"""A private regtest node of the Bitcoin family: real blocks and real transactions, worth nothing, made at will."""

import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from bitcoinrpc.authproxy import AuthServiceProxy, JSONRPCException

from wiring.embedded import process
from wiring.embedded.process import ServerFailed
from wiring.embedded.redis import free_port

PROGRAMS: Final[Mapping[str, str]] = MappingProxyType({"bitcoind": "bitcoin-regtest", "litecoind": "litecoin-regtest"})
"""What is looked for on PATH, in this order, and the network that it then serves."""
_EXTRA: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    # Litecoin's extension blocks become active at height 432 and then no block can be mined without a payment into
    # them; this network never lets them. Its nodes also refuse to replace a transaction by one that pays more, unless
    # told to.
    {"bitcoind": (), "litecoind": ("-vbparams=mweb:-2:0", "-mempoolreplacement=1")}
)
MINER: Final = "miner"
"""The wallet that mining pays: the world outside, as far as Strongroom is concerned."""
MATURE: Final = 101
"""So many blocks after which the first block's reward may be spent."""
START_PATIENCE_S: Final = 60.0
STOP_PATIENCE_S: Final = 60.0
CALL_TIMEOUT_S: Final = 60.0

# A wallet with the usual pool of a thousand keys takes seconds to make.
_CONFIGURATION: Final = """\
regtest=1
server=1
listen=0
dnsseed=0
dbcache=32
fallbackfee=0.0002
rpcthreads=8
rpcworkqueue=128
rpcservertimeout=5
keypool=20
pid={directory}/node.pid
[regtest]
rpcbind=127.0.0.1
rpcallowip=127.0.0.1
rpcport={port}
rpcuser=strongroom
rpcpassword={password}
"""


def find_program() -> str | None:
    """The node program that this machine has, or None."""
    return next((name for name in PROGRAMS if shutil.which(name)), None)


def call(rpc_url: str, method: str, *arguments: Any, wallet: str | None = None) -> Any:
    """One JSON-RPC call to a regtest node, over a connection of its own; amounts come back as Decimal.

    Raises JSONRPCException with the node's `code`, OSError and HTTPException.
    """
    parts = urlsplit(rpc_url)
    path = f"/wallet/{wallet}" if wallet is not None else ""
    with closing(HTTPConnection(parts.hostname or "", parts.port, timeout=CALL_TIMEOUT_S)) as connection:
        proxy = AuthServiceProxy(rpc_url + path, connection=connection)
        return getattr(proxy, method)(*arguments)


class NodeServer:
    """One regtest node under one directory, which it keeps between starts. The caller holds a lock on the directory."""

    def __init__(self, home: Path, *, program: str | None = None) -> None:
        found = program or find_program()
        if found is None:
            raise ServerFailed("neither bitcoind nor litecoind is on PATH; on Debian: apt-get install litecoind")
        self.chain = PROGRAMS[found]
        self.zmq_url: str | None = None
        self._program = found
        self._home = home
        self._port = 0
        self._password = secrets.token_urlsafe(24)
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def rpc_url(self) -> str:
        """Where it answers, with user and password."""
        return f"http://strongroom:{self._password}@127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start, with the blocks and wallets of the last time, and wait until it answers. Raises ServerFailed."""
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        process.clear_leftover(
            self._home / "node.pid", works_in=self._home, stop_signal=signal.SIGTERM, patience_s=STOP_PATIENCE_S
        )
        # A start that lost its port to another program, or a node that an unclean stop left re-reading its blocks.
        for _ in range(2):
            self._launch()
            if process.await_truth(self._answers_or_ended, START_PATIENCE_S) and self._answers():
                return
            self.stop()
        raise ServerFailed(f"{self._program} did not start:\n{process.tail(self._home / 'node.log')}")

    def stop(self) -> None:
        """Stop after everything is on disk."""
        if self._server is not None:
            process.stop(self._server, stop_signal=signal.SIGTERM, patience_s=STOP_PATIENCE_S)

    def pause(self) -> None:
        """Freeze the process: it takes connections and answers nothing, as a node under heavy load."""
        if self._server is not None:
            self._server.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process go on."""
        if self._server is not None:
            self._server.send_signal(signal.SIGCONT)

    def call(self, method: str, *arguments: Any, wallet: str | None = None) -> Any:
        """One JSON-RPC call, for whoever plays the world outside; amounts come back as Decimal.

        Raises JSONRPCException with the node's `code`, OSError and HTTPException.
        """
        return call(self.rpc_url, method, *arguments, wallet=wallet)

    def ensure_wallet(self, name: str) -> None:
        """Load this wallet, making it if there is none, and have it loaded at every start. Safe to repeat."""
        if name in self.call("listwallets"):
            return
        if name in {entry["name"] for entry in self.call("listwalletdir")["wallets"]}:
            self.call("loadwallet", name, True)
        else:
            self.call("createwallet", name, False, False, "", False, None, True)

    def ensure_funds(self) -> None:
        """See to it that the miner has coins to spend, and that the newest block is recent."""
        self.ensure_wallet(MINER)
        height = self.call("getblockcount")
        self.mine(max(1, MATURE - height))

    def mine(self, blocks: int = 1) -> list[str]:
        """Add so many blocks, with what is in the mempool, and return their hashes."""
        hashes: list[str] = self.call("generatetoaddress", blocks, self.call("getnewaddress", wallet=MINER))
        return hashes

    def pay(self, address: str, amount: str) -> str:
        """Have the miner pay a decimal amount to an address; it stays unconfirmed until a block is mined."""
        txid: str = self.call("sendtoaddress", address, amount, wallet=MINER)
        return txid

    def _launch(self) -> None:
        self._port = free_port()
        text = _CONFIGURATION.format(directory=self._home, port=self._port, password=self._password)
        if self._offers_zmq():
            self.zmq_url = f"tcp://127.0.0.1:{free_port()}"
            text += f"zmqpubsequence={self.zmq_url}\nzmqpubhashblock={self.zmq_url}\n"
        configuration = self._home / "node.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(text)
        command = [
            *process.dies_with_us(signal.SIGTERM),
            self._program,
            f"-datadir={self._home}",
            f"-conf={configuration}",
            "-printtoconsole=1",
            *_EXTRA[self._program],
        ]
        self._server = process.spawn(command, log=self._home / "node.log", directory=self._home)

    def _offers_zmq(self) -> bool:
        """Debian's litecoind is built without ZMQ and refuses to start when told to use it."""
        answer = subprocess.run([self._program, "-help"], capture_output=True, text=True, check=False)
        return "-zmqpubsequence" in answer.stdout

    def _answers_or_ended(self) -> bool:
        return self._server is None or self._server.poll() is not None or self._answers()

    def _answers(self) -> bool:
        try:
            self.call("getblockchaininfo")
        except (JSONRPCException, OSError, HTTPException):
            return False
        return True
