"""A private regtest node that tests can start, stop, encrypt and reorganise."""

import shutil
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from adapters.bitcoin.chain import BitcoinChain
from adapters.bitcoin.client import NodeClient
from adapters.bitcoin.endpoint import NodeEndpoint
from domain.networks import NETWORKS, Network
from domain.node_refusals import ChainError
from tests.waiting import eventually
from wiring.embedded.process import dies_with_us
from wiring.embedded.redis import free_port

PASSWORD = "p@ss/w#rd:%41"  # everything that a URL could not carry
RICH_WALLET = "rich"


class RegtestNode:
    """bitcoind if installed, else litecoind; with a wallet that owns a hundred mature coinbases."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("bitcoind") or shutil.which("litecoind")
        assert program is not None, "install bitcoind or litecoind to run these tests"
        self.program = program
        self.network: Network = NETWORKS["bitcoin-regtest" if "bitcoind" in program else "litecoin-regtest"]
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def endpoint(self, wallet: str = RICH_WALLET, **changes: Any) -> NodeEndpoint:
        facts: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": "tester",
            "password": PASSWORD,
            "wallet": wallet,
        }
        return NodeEndpoint(**(facts | changes))

    def chain(self, wallet: str = RICH_WALLET, **changes: Any) -> BitcoinChain:
        return BitcoinChain(self.endpoint(wallet, **changes), self.network)

    def ask(self, method: str, *params: Any, wallet: str | None = None) -> Any:
        client = NodeClient(self.endpoint(wallet or RICH_WALLET), self.network)
        return client.order(method, *params, wallet=wallet is not None)

    def launch(self) -> None:
        """Start the process without waiting for it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        options = ["-regtest", f"-datadir={self.folder}", f"-rpcport={self.port}", "-listen=0", "-server"]
        options += [
            "-rpcuser=tester",
            f"-rpcpassword={PASSWORD}",
            "-fallbackfee=0.0002",
            "-printtoconsole=0",
            "-rpcservertimeout=5",
            "-keypool=20",  # making the usual thousand keys of a wallet takes seconds
        ]
        if "litecoind" in self.program:
            # Litecoin's nodes refuse replacements by default, and its extension blocks stop mining here.
            options += ["-mempoolreplacement=1", "-vbparams=mweb:-2:0"]
        self.process = subprocess.Popen([*dies_with_us(signal.SIGKILL), self.program, *options])

    def start(self) -> None:
        """Start it and wait until it answers; if it does not, the process is killed."""
        with ExitStack() as stack:
            stack.callback(self.kill)
            self.launch()
            eventually(self.is_answering, what="an answer of the node")
            stack.pop_all()

    def is_answering(self) -> bool:
        try:
            self.chain().tip()
        except ChainError:
            return False
        return True

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def kill(self) -> None:
        """Kill it like a power cut, which is quick: a stop waits five seconds for idle connections."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def make_rich(self) -> None:
        self.chain().ensure_wallet()
        self.mine(110)

    def mine(self, count: int = 1, *, to: str | None = None) -> list[str]:
        """Mine blocks; returns their hashes."""
        to = to or self.ask("getnewaddress", wallet=RICH_WALLET)
        hashes: list[str] = self.ask("generatetoaddress", count, to)
        return hashes

    def mine_empty(self) -> str:
        """Mine a block without the mempool's transactions, where the node can."""
        address = self.ask("getnewaddress", wallet=RICH_WALLET)
        block: str = self.ask("generateblock", address, [])["hash"]
        return block

    def fund(self, address: str, coins: str = "10", *, confirm: bool = True) -> str:
        txid: str = self.ask("sendtoaddress", address, coins, wallet=RICH_WALLET)
        if confirm:
            self.mine()
        return txid

    def wallet(self, name: str, coins: str = "10", *, parts: int = 1) -> BitcoinChain:
        """A new hot wallet with confirmed coins in this many outputs."""
        chain = self.chain(name)
        chain.ensure_wallet()
        for new in chain.new_addresses(parts):
            self.fund(new.address, coins, confirm=False)
        self.mine()
        return chain
