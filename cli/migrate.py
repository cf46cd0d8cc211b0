"""`python -m cli migrate`: the schema alone, for installations whose processes are started by something else."""

import os

import click

from wiring.embedded.services import provided
from wiring.prepare import prepare
from wiring.settings import read_settings


@click.command()
def migrate() -> None:
    """Bring the database to the newest schema and add the rows of the configured chains' assets."""
    with provided(read_settings(os.environ), "postgres") as settings:
        prepare(settings)
    click.echo("The schema is up to date.")
