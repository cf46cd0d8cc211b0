"""Wait until the event log shows everything committed: open transactions of other tests hold its horizon back."""

from sqlalchemy import Engine, text

from tests.waiting import eventually


def reached(engine: Engine) -> None:
    """Return once every transaction on the server that began before now has ended."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:

        def number(function: str) -> int:
            found = connection.scalar(text(f"SELECT {function}(pg_current_snapshot())::text::bigint"))
            assert found is not None
            return int(found)

        until = number("pg_snapshot_xmax")
        eventually(lambda: number("pg_snapshot_xmin") >= until, what="the end of older transactions")
