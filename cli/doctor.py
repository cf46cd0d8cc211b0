"""`python -m cli doctor`: look at everything that Strongroom depends on, and say how to mend what is wrong."""

import os
from dataclasses import dataclass
from typing import Final

import click

from wiring.container import build_container
from wiring.embedded.process import ServerFailed
from wiring.embedded.services import provided
from wiring.examination import examine
from wiring.finding import Finding
from wiring.parsing import SettingsRefused
from wiring.settings import Settings, read_settings

_MARKS: Final = {"ok": ("ok   ", "green"), "note": ("note ", "yellow"), "wrong": ("WRONG", "red")}


@dataclass
class _Tally:
    wrong: int = 0

    def show(self, finding: Finding) -> None:
        """One line for what was found, and one for how to mend it."""
        mark, colour = _MARKS[finding.state]
        click.echo(f"{click.style(mark, fg=colour)}  {finding.subject:<16} {finding.fact}")
        if finding.remedy:
            click.echo(f"{'':25}{finding.remedy}")
        self.wrong += finding.state == "wrong"


@click.command()
def doctor() -> None:
    """Check databases, nodes, keys, providers, prices, schema, clock, disk and alerts; exit 1 if something is wrong.

    Joins a running installation. Where none runs and no address is set, the embedded servers are started to look at
    them, and stopped again.
    """
    tally = _Tally()
    try:
        settings = read_settings(os.environ)
    except SettingsRefused as refusal:
        for fault in refusal.faults:
            tally.show(Finding("settings", "wrong", fault, "Correct the environment variable and run this again."))
        raise SystemExit(1) from None
    tally.show(Finding("settings", "ok", f"{settings.environment}, data under {settings.var_dir}"))
    try:
        with provided(settings, "postgres", "redis", "node", "anvil") as complete:
            _examine(complete, tally)
    except ServerFailed as failure:
        tally.show(Finding("servers", "wrong", str(failure), "Mend that, or set DATABASE_URL and REDIS_URL."))
    if tally.wrong:
        click.echo(f"\n{tally.wrong} of these must be mended before money may move.")
        raise SystemExit(1)
    click.echo("\nAll is well.")


def _examine(settings: Settings, tally: _Tally) -> None:
    container = build_container(settings)
    try:
        for finding in examine(container):
            tally.show(finding)
    finally:
        container.engine.dispose()
