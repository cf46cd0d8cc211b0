"""`python -m cli drill`: hurt a whole installation while people use it, and judge what became of their money."""

import logging
import os
import secrets
import sys
from pathlib import Path

import click

from wiring.logging import configure_logging
from wiring.settings import read_settings

SEED_MAX = 10**6


@click.command()
@click.option(
    "--minutes", default=3.0, show_default=True, type=click.FloatRange(0.2, 24 * 60), help="How long to hurt."
)
@click.option("--seed", type=int, help="Repeats the order of faults; another one each time if not given.")
@click.option("--only", multiple=True, help="Cause only the faults in whose name these words are.")
def drill(minutes: float, seed: int | None, only: tuple[str, ...]) -> None:
    """Start an installation of its own, load it, cause every fault there is, and judge at the end.

    Ends with status 1 unless every deposit was credited once, every withdrawal sent once, and everything has healed.
    """
    # Late: it brings the fakes of providers with it.
    from drill.running import drill as drilled

    settings = read_settings(os.environ)
    configure_logging(settings)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    place = settings.var_dir / "drill"
    seed = secrets.randbelow(SEED_MAX) if seed is None else seed
    report = drilled(place / "house", minutes=minutes, seed=seed, say=_say, only=only)
    path = place / "report.json"
    report.write(path)
    print(
        f"\n{report.table()}\n\nreport: {_short(path)}; lines of all processes: {_short(place / 'house' / 'house.log')}"
    )
    sys.exit(not report.passed)


def _say(line: str) -> None:
    print(f"· {line}", flush=True)


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
