"""The database transaction of a command."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy.orm import Session

from wiring.container import build_container
from wiring.embedded.services import provided
from wiring.settings import read_settings


@contextmanager
def transaction() -> Iterator[tuple[Session, datetime]]:
    """A session that is committed when the block ends, and the present time. Raises SettingsRefused."""
    with provided(read_settings(os.environ), "postgres") as settings:
        container = build_container(settings)
        try:
            with container.transaction() as session:
                yield session, container.now()
        finally:
            container.engine.dispose()
