"""`python -m cli run`: the whole installation on this host, until Ctrl-C."""

import os
import signal
from dataclasses import replace
from types import FrameType

import click

from cli.console import Console
from cli.stack import Stack
from wiring.logging import configure_logging, is_pretty
from wiring.settings import Settings, read_settings


@click.command()
def run() -> None:
    """Start web, realtime, workers, beat and Flower, and PostgreSQL and Redis where no address is given."""
    settings = for_terminal(read_settings(os.environ))
    configure_logging(settings)
    console = Console()
    stopped = stop_on_signals()
    with Stack(settings, write=console.write) as stack:
        stack.wait_until_healthy()
        for line in greeting(stack.settings):
            console.write("system", line)
        stopped.wait()


def for_terminal(settings: Settings) -> Settings:
    """The settings with a log format of `auto` decided here, since the processes write into pipes."""
    return replace(settings, log_format="pretty" if is_pretty(settings) else "json")


def greeting(settings: Settings) -> list[str]:
    """The addresses of everything, for the person at the terminal."""
    rails = ", ".join(rail.chain for rail in settings.chains) or "none: no coin can come in or go out"
    return [
        f"Strongroom is up: {settings.public_url}",
        f"task monitor: http://{settings.host}:{settings.flower_port} as strongroom, {_where_password(settings)}",
        f"rails: {rails}",
        "Ctrl-C stops everything",
    ]


def _where_password(settings: Settings) -> str:
    made_up = settings.var_dir / "secrets" / "flower_password"
    return f"password in {made_up}" if made_up.exists() else "password as you set it"


class StopRequest:
    """A request to stop, made by a signal and waited for by the main thread.

    It takes no lock: a signal handler may interrupt itself, and with a threading.Event it could deadlock.
    """

    def __init__(self) -> None:
        self._reads, self._writes = os.pipe()
        self._was_made = False

    def make(self, _number: int, _frame: FrameType | None) -> None:
        """Handle a signal: the first ends the wait; after that Ctrl-C interrupts as usual."""
        if self._was_made:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            return
        self._was_made = True
        os.write(self._writes, b"!")

    def wait(self) -> None:
        """Return once the request was made."""
        os.read(self._reads, 1)


def stop_on_signals() -> StopRequest:
    """A StopRequest for Ctrl-C, TERM and a closed terminal."""
    request = StopRequest()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, request.make)
    return request
