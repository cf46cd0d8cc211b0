"""How the ledger's rows are found: by their indexes, however few there were when a connection learnt it."""

from collections.abc import Callable

import psycopg2.extensions
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.ledger import Hold, Post, Transfer, Void
from services.ledger import post
from tests.databases import Database
from tests.ledger.conftest import Books, transaction
from wiring.secret import Secret

_READ_WHOLE = text(
    "SELECT relname, seq_tup_read FROM pg_stat_xact_user_tables WHERE relname LIKE 'ledger%' AND seq_tup_read > 0"
)


def test_plans_that_were_made_while_the_ledger_was_small_do_not_read_it_whole_later(
    books: Books, own_database: Database, raw: Callable[[Secret], psycopg2.extensions.connection]
) -> None:
    one, other, hot = books.user(funds=100), books.user(funds=100), books.hot()
    owner = raw(own_database.owner_url)
    owner.autocommit = True
    owner.cursor().execute("ANALYZE ledger_accounts, ledger_transactions, ledger_transfers")

    def everything(session: Session) -> None:
        for _ in range(2):
            [reserved] = post(session, [transaction(Hold(one, hot, 1))])
            post(session, [transaction(Void(reserved.transfer_ids[0]))])
            post(session, [transaction(Transfer(one, other, 1))])
            held = post(session, [transaction(Hold(one, hot, 1)), transaction(Hold(other, hot, 2))])
            first, second = (outcome.transfer_ids[0] for outcome in held)
            post(session, [transaction(Post(first)), transaction(Void(second))])

    with books.engine.connect() as connection, Session(connection) as session:
        everything(session)
        session.commit()
        opened = "ledger_open_account('user', 'liability', 'GOLD', gen_random_uuid(), 0)"
        owner.cursor().execute(f"SELECT {opened} FROM generate_series(1, 2000)")
        post(session, [transaction(Transfer(hot, one, 1)) for _ in range(1000)])
        # What a connection read is counted where the view looks until it is handed over, which it is once a second.
        session.execute(text("SELECT pg_stat_force_next_flush()"))
        session.commit()
        everything(session)
        assert session.execute(_READ_WHOLE).all() == []
