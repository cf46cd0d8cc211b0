"""`python -m cli regtest`: pay and mine on the private chain of a running demo."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException

import click
from bitcoinrpc.authproxy import JSONRPCException

from cli.listing import Listed
from wiring.embedded.node import MINER, call
from wiring.embedded.process import ServerFailed
from wiring.embedded.services import Embedded
from wiring.settings import read_settings

CONFIRMATIONS = 6


@click.group(cls=Listed)
def regtest() -> None:
    """Pay and mine on the private chain that `make demo` or `make run` started. Its coins are worth nothing."""


@regtest.command()
@click.argument("address")
@click.argument("amount")
def pay(address: str, amount: str) -> None:
    """Send AMOUNT to ADDRESS from outside. It stays unconfirmed until a block is mined."""
    with _node() as rpc_url:
        click.echo(call(rpc_url, "sendtoaddress", address, amount, wallet=MINER))


@regtest.command()
def address() -> None:
    """Print an address outside Strongroom, to withdraw to."""
    with _node() as rpc_url:
        click.echo(call(rpc_url, "getnewaddress", wallet=MINER))


@regtest.command()
@click.argument("blocks", type=click.IntRange(1, 1000), default=CONFIRMATIONS)
def mine(blocks: int) -> None:
    """Add BLOCKS blocks (6 unless told otherwise), with whatever waits in the mempool."""
    with _node() as rpc_url:
        call(rpc_url, "generatetoaddress", blocks, call(rpc_url, "getnewaddress", wallet=MINER))
        click.echo(f"the chain is at block {call(rpc_url, 'getblockcount')}")


@contextmanager
def _node() -> Iterator[str]:
    """The RPC address of the running node. Raises ServerFailed when there is none or it refuses."""
    settings = read_settings(os.environ)
    with Embedded(settings.var_dir, frozenset({"node"})) as addresses:
        if addresses.node_rpc_url is None:
            raise ServerFailed("no private chain runs here")
        try:
            yield addresses.node_rpc_url.reveal()
        except JSONRPCException as refusal:
            raise ServerFailed(f"the node refused: {refusal.message}") from refusal
        except (OSError, HTTPException) as error:
            raise ServerFailed(f"the node does not answer: {error}") from error
