"""`python -m cli demo`: a coin, a token, a claim and a fault, each played step by step."""

import logging
import os
import sys
import time
from contextlib import closing
from dataclasses import replace

import click

from cli.alert_story import AlertStory
from cli.claim_story import ClaimStory
from cli.coin_story import CoinStory
from cli.console import Console
from cli.progress import say
from cli.run import for_terminal, greeting, stop_on_signals
from cli.stack import Stack
from cli.token_story import TokenStory
from domain.errors import ensure
from wiring.container import Container, build_container
from wiring.embedded.process import ServerFailed
from wiring.embedded.services import wanted_by
from wiring.logging import configure_logging
from wiring.settings import read_settings


@click.command()
@click.option("--once", is_flag=True, help="End after the story instead of staying up.")
def demo(once: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Start everything on private chains, move some money, print each step, then stay up until Ctrl-C."""
    # The shop that receives webhooks listens on this host.
    settings = replace(for_terminal(read_settings(os.environ)), webhook_private=True)
    if "node" not in wanted_by(settings):
        raise ServerFailed(
            "the demo makes up people and money, on a private chain alone: it needs bitcoind or litecoind on PATH "
            "(apt-get install litecoind), no STRONGROOM_CHAINS, and no production"
        )
    configure_logging(settings)
    # The stories' own requests are shown as steps.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    console = Console() if os.environ.get("VERBOSE") else None
    stopped = stop_on_signals()
    started = time.monotonic()
    with Stack(settings, write=console.write if console else only_system) as stack:
        stack.wait_until_healthy()
        say(f"everything is up after {time.monotonic() - started:.1f} s")
        _tell(stack)
        say(f"the whole story took {time.monotonic() - started:.1f} s")
        if once:
            return
        for line in greeting(stack.settings):
            say(line)
        stopped.wait()


def _tell(stack: Stack) -> None:
    """Play every story that this machine has the programs for. Raises ServerFailed at the first step that fails."""
    ensure(stack.node is not None, "a demo begins with a private chain")
    assert stack.node is not None  # for the type checker; ensure() has made sure
    container = build_container(stack.settings)
    with closing(CoinStory(stack, stack.node, container)) as coin:
        coin.tell()
    _tell_of_a_token(stack, container)
    with closing(AlertStory(stack, container)) as alert:
        alert.tell()


def _tell_of_a_token(stack: Stack, container: Container) -> None:
    if stack.anvil is None:
        say("no token's story: anvil is not here (npm brings it: npm i -g @foundry-rs/anvil)")
        return
    with closing(TokenStory(stack, stack.anvil, container)) as story:
        story.tell()
    with closing(ClaimStory(stack, stack.anvil, container)) as claims:
        claims.tell()


def only_system(name: str, line: str) -> None:
    """Show the stack's own lines and its processes' warnings only."""
    if name == "system" or '"level": "error"' in line or "[error" in line:
        print(f"  {name}: {line}", file=sys.stderr, flush=True)
