"""How Alembic reaches the database: on the connection that wiring/migrate.py hands over, else on one of its own."""

import os

from alembic import context
from sqlalchemy import Connection

from models import Base
from wiring import migrate
from wiring.embedded.services import provided
from wiring.settings import read_settings


def run(connection: Connection) -> None:
    """Run the revisions, each in its own transaction, so that a failing one leaves the earlier ones applied."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transaction_per_migration=True,
        compare_type=True,
        include_object=migrate.is_modelled,
        on_version_apply=context.config.attributes.get("on_version_apply"),
    )
    with context.begin_transaction():
        context.run_migrations()


def run_from_command_line() -> None:
    """Serve `alembic revision`, `alembic current` and the like on the installation that the environment describes."""
    with provided(read_settings(os.environ), "postgres") as settings, migrate.connection(settings) as connection:
        run(connection)


if context.is_offline_mode():
    raise SystemExit("strongroom's revisions ask the database what it is; they cannot be written out as a script")
handed_over = context.config.attributes.get("connection")
if handed_over is not None:
    run(handed_over)
else:
    run_from_command_line()
