"""What PostgreSQL refuses in raw SQL: to the application's role, and to the owner of the tables."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg2
import psycopg2.errors
import pytest

from domain.ledger import Hold, Post, Transfer
from tests.conftest import engine_for
from tests.databases import Database, Server
from tests.ledger.conftest import Books, open_assets

TABLES = ("ledger_accounts", "ledger_transactions", "ledger_transfers", "ledger_seals")
FIXED_COLUMNS = {
    "id": "id + 1000",
    "asset_id": "'TIN'",
    "kind": "'asset'",
    "code": "'other'",
    "owner_id": "gen_random_uuid()",
    "floor": "NULL",
    "shard_of": "1",
    "shard": "7",
    "created_at": "now()",
}
CHANGING_COLUMNS = {"posted", "held", "version", "shards"}


@dataclass(frozen=True)
class Scene:
    books: Books
    user: int
    other: int
    tin: int
    hot: int
    hold: int
    posted_hold: int
    reversed_transaction: int


@pytest.fixture(scope="module")
def shared_database(server: Server) -> Iterator[Database]:
    """A database for all tests of what is refused: by its nature they leave it as it was, and `attempt` sees to it."""
    lent = server.lend()
    yield lent
    server.give_back(lent)


@pytest.fixture(scope="module")
def shared_scene(shared_database: Database) -> Iterator[Scene]:
    """Books in which nothing is ever written."""
    engine = engine_for(shared_database.url)
    open_assets(engine)
    yield _scene(Books(engine))
    engine.dispose()


@pytest.fixture
def scene(books: Books) -> Scene:
    """Books of one test alone, which may write to them."""
    return _scene(books)


def _scene(books: Books) -> Scene:
    user, other, hot = books.user(funds=100), books.user(), books.hot()
    hold = books.one(Hold(user, hot, 10)).transfer_ids[0]
    posted = books.one(Hold(user, hot, 10)).transfer_ids[0]
    books.one(Post(posted))
    moved = books.one(Transfer(user, other, 1))
    books.seal()
    return Scene(books, user, other, books.user("TIN", 100), hot, hold, posted, moved.transaction_id)


Attempt = Callable[..., Any]


@pytest.fixture(params=["application", "owner"])
def attempt(request: pytest.FixtureRequest, shared_database: Database, shared_scene: Scene) -> Iterator[Attempt]:
    """Runs one statement as a role; afterwards the books are as they were."""
    url = shared_database.url if request.param == "application" else shared_database.owner_url
    with closing(psycopg2.connect(url.reveal())) as connection:
        before = _everything(connection)
        connection.rollback()

        def run(sql: str, *parameters: object) -> Any:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql, parameters or None)
                return cursor.fetchone() if cursor.description else None

        yield run
        connection.rollback()
        assert _everything(connection) == before


def _everything(connection: Any) -> list[Any]:
    with connection.cursor() as cursor:
        contents = []
        for table in TABLES:
            cursor.execute(f"SELECT * FROM {table} ORDER BY id")
            contents.append([tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in cursor])
        return contents


REFUSED = (
    psycopg2.errors.RestrictViolation,
    psycopg2.errors.InsufficientPrivilege,
    psycopg2.errors.GeneratedAlways,
)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("verb", ["DELETE FROM {}", "DELETE FROM {} WHERE false", "TRUNCATE {} CASCADE"])
def test_history_is_neither_deleted_nor_truncated(attempt: Attempt, table: str, verb: str) -> None:
    with pytest.raises(REFUSED):
        attempt(verb.format(table))


@pytest.mark.parametrize("table", TABLES[1:])
def test_no_column_of_history_is_updated(attempt: Attempt, table: str) -> None:
    columns = {
        "ledger_transactions": "kind = 'x', flow_id = NULL, refusal = NULL, effective_at = now()",
        "ledger_transfers": "amount = amount + 1, expires_at = NULL, resolves_id = NULL, debit_balance = 0",
        "ledger_seals": "digest = ''",
    }[table]
    for column in columns.split(", "):
        with pytest.raises(REFUSED):
            attempt(f"UPDATE {table} SET {column}")


@pytest.mark.parametrize("column", FIXED_COLUMNS)
def test_what_an_account_is_never_changes(attempt: Attempt, column: str) -> None:
    with pytest.raises(REFUSED):
        attempt(f"UPDATE ledger_accounts SET {column} = {FIXED_COLUMNS[column]}")


def test_every_column_of_an_account_is_either_fixed_or_known_to_change(own_engine: Any) -> None:
    with own_engine.connect() as connection:
        columns = connection.exec_driver_sql(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'ledger_accounts'::regclass AND attnum > 0"
        ).scalars()
        assert set(columns) == set(FIXED_COLUMNS) | CHANGING_COLUMNS


@pytest.mark.parametrize(
    "change",
    ["posted = -1", "posted = 0", "held = 1000", "held = -1", "posted = posted - 1000, version = version + 1"],
)
def test_no_account_is_overdrawn_by_hand(attempt: Attempt, shared_scene: Scene, change: str) -> None:
    with pytest.raises((*REFUSED, psycopg2.errors.CheckViolation)):
        attempt(f"UPDATE ledger_accounts SET {change} WHERE id = %s", shared_scene.user)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.usefixtures("shared_scene")
def test_the_application_inserts_nothing_itself(shared_database: Database, table: str) -> None:
    with (
        closing(psycopg2.connect(shared_database.url.reveal())) as connection,
        connection.cursor() as cursor,
        pytest.raises(psycopg2.errors.InsufficientPrivilege),
    ):
        cursor.execute(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM {table}")


WRITE = (
    "SELECT * FROM ledger_write(ARRAY[%s], ARRAY['x'], ARRAY[NULL]::uuid[], ARRAY['']::bytea[], ARRAY[NULL]::text[], "
    "ARRAY[%s]::bigint[], ARRAY[now()], ARRAY[1], ARRAY[%s], ARRAY[%s], ARRAY[%s]::bigint[], ARRAY[%s]::bigint[], "
    "ARRAY[%s]::numeric[], ARRAY[%s]::bigint[], ARRAY[NULL]::timestamptz[])"
)


def test_a_forged_posting_is_refused(attempt: Attempt, shared_scene: Scene) -> None:
    """The writing function believes nothing that it is told."""
    user, other, hot = shared_scene.user, shared_scene.other, shared_scene.hot
    forged: dict[str, tuple[object, ...]] = {
        "overdraft": (None, "posted", "GOLD", user, other, 80, None),
        "overdraft by hold": (None, "pending", "GOLD", user, hot, 80, None),
        "cross-asset": (None, "posted", "GOLD", user, shared_scene.tin, 1, None),
        "cross-asset, other way": (None, "posted", "TIN", user, shared_scene.tin, 1, None),
        "negative amount": (None, "posted", "GOLD", other, user, -1, None),
        "zero": (None, "posted", "GOLD", other, user, 0, None),
        "not a number": (None, "posted", "GOLD", other, user, "NaN", None),
        "hold of what is no number": (None, "pending", "GOLD", user, hot, "NaN", None),
        "to itself": (None, "posted", "GOLD", user, user, 1, None),
        "to nobody": (None, "posted", "GOLD", user, 999_999, 1, None),
        "from nobody": (None, "posted", "GOLD", 999_999, user, 1, None),
        "more than held": (None, "post", "GOLD", user, hot, 11, shared_scene.hold),
        "hold to somebody else": (None, "post", "GOLD", user, other, 10, shared_scene.hold),
        "release of less": (None, "void", "GOLD", user, hot, 9, shared_scene.hold),
        "resolution of nothing": (None, "post", "GOLD", user, hot, 1, None),
        "release of a transfer": (None, "void", "GOLD", user, hot, 10, 1),
        "double capture": (None, "post", "GOLD", user, hot, 10, shared_scene.posted_hold),
        "capture then release": (None, "void", "GOLD", user, hot, 10, shared_scene.posted_hold),
        "reversal of itself": (None, "unheard of", "GOLD", user, hot, 1, None),
    }
    for name, (reverses, *leg) in forged.items():
        with pytest.raises((psycopg2.errors.IntegrityError, psycopg2.errors.RaiseException)):
            attempt(WRITE, f"forged {name}", reverses, *leg)


def test_a_second_reversal_is_refused(scene: Scene, raw: Callable[..., Any], own_database: Database) -> None:
    leg = ("posted", "GOLD", scene.other, scene.user, 1, None)
    with raw(own_database.url) as connection, connection.cursor() as cursor:
        cursor.execute(WRITE, ("once", scene.reversed_transaction, *leg))
        connection.commit()
        scene.books.one(Transfer(scene.user, scene.other, 1))
        with pytest.raises(psycopg2.errors.UniqueViolation, match="uq_ledger_transactions_reverses_id"):
            cursor.execute(WRITE, ("twice", scene.reversed_transaction, *leg))


def test_a_users_account_cannot_be_opened_without_a_floor(
    books: Books, raw: Callable[..., Any], own_database: Database
) -> None:
    for kind, floor in (("liability", None), ("liability", -1), ("asset", 0)):
        connection = raw(own_database.url)
        with connection.cursor() as cursor, pytest.raises(psycopg2.errors.IntegrityError):
            cursor.execute("SELECT ledger_open_account('user', %s, 'GOLD', gen_random_uuid(), %s)", (kind, floor))


UNSOUND = {
    "kind_is_known": "kind => 'treasure'",
    "users_never_owe": "owner => gen_random_uuid()",
    "only_floorless_is_sharded": "floor => 0, shards => '{1}'",
    "shard_names_its_head": "shard => 3",
    "shard_is_not_split": "shard => 3, shard_of => 1, shards => '{1}'",
}


@pytest.mark.usefixtures("shared_scene")
@pytest.mark.parametrize("rule", UNSOUND)
def test_no_unsound_account_is_written_by_the_owner_either(shared_database: Database, rule: str) -> None:
    given = {"kind": "'equity'", "owner": "NULL", "floor": "NULL", "shards": "NULL", "shard_of": "NULL", "shard": "0"}
    given |= dict(part.split(" => ") for part in UNSOUND[rule].split(", "))
    url = shared_database.owner_url.reveal()
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.errors.CheckViolation) as refused:
            cursor.execute(
                "INSERT INTO ledger_accounts (code, asset_id, kind, owner_id, floor, shards, shard_of, shard) "
                f"VALUES ('odd', 'GOLD', {', '.join(given.values())})"
            )
        assert refused.value.diag.constraint_name == f"ck_ledger_accounts_{rule}"


def test_a_shard_is_not_split_afterwards(books: Books, raw: Callable[..., Any], own_database: Database) -> None:
    hot = books.hot()
    books.split(hot, 2)
    connection = raw(own_database.owner_url)
    with connection.cursor() as cursor, pytest.raises(psycopg2.errors.CheckViolation, match="shard_is_not_split"):
        cursor.execute("UPDATE ledger_accounts SET shards = '{1}' WHERE shard_of = %s", (hot,))


TRANSFER = "SELECT transaction_id FROM ledger_transfer(%s, 'x', NULL, '', now(), %s, %s, %s)"


def test_what_is_no_number_does_not_move(attempt: Attempt, shared_scene: Scene) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation, match="amount_positive"):
        attempt(TRANSFER, "no number", shared_scene.user, shared_scene.other, "NaN")


@pytest.mark.parametrize("amount", ["0.4", "0.5", "2.5", "99.5"])
def test_half_a_minor_unit_is_not_made_out_of_nothing(
    scene: Scene, raw: Callable[..., Any], own_database: Database, amount: str
) -> None:
    before = scene.books.balance(scene.user)[0] + scene.books.balance(scene.other)[0]
    with raw(own_database.url) as connection, connection.cursor() as cursor:
        cursor.execute(TRANSFER, ("half", scene.user, scene.other, amount))
        connection.commit()
        if amount != "0.4":
            cursor.execute(WRITE, ("half again", None, "posted", "GOLD", scene.other, scene.user, "0.5", None))
    assert scene.books.balance(scene.user)[0] + scene.books.balance(scene.other)[0] == before


def test_a_transfer_that_cannot_be_leaves_both_accounts_as_they_were(
    scene: Scene, raw: Callable[..., Any], own_database: Database
) -> None:
    """It moves first and looks then, so what it moved is moved back within the same call."""
    books, user, other = scene.books, scene.user, scene.other
    split = books.hot(code="withdrawal_fees")
    books.split(split, 2)
    books.one(Transfer(user, other, 1), key="taken")
    pairs = [(user, other, 10_000), (other, user, 10_000), (user, scene.tin, 1), (scene.tin, user, 1), (user, user, 1)]
    pairs += [
        (user, 999_999, 1),
        (999_999, user, 1),
        (scene.tin, split, 1),
        (split, scene.tin, 1),
        (user, split, 9_999),
    ]
    connection = raw(own_database.url)
    before = _everything(connection)
    with connection, connection.cursor() as cursor:
        for key, pair in [("new", pair) for pair in pairs] + [
            ("taken", (user, other, 1)),
            ("taken", (other, split, 1)),
        ]:
            cursor.execute(TRANSFER, (key, *pair))
            assert cursor.fetchone() == (None,), pair
    assert _everything(connection) == before


HOLD = "SELECT transaction_id FROM ledger_hold(%s, 'x', NULL, '', now(), %s, %s::bigint[], %s::numeric[], NULL)"


def test_holds_that_cannot_be_leave_everything_as_it_was(
    scene: Scene, raw: Callable[..., Any], own_database: Database
) -> None:
    books, user, other, hot = scene.books, scene.user, scene.other, scene.hot
    split = books.hot(code="withdrawal_fees")
    books.split(split, 2)
    connection = raw(own_database.url)
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(id) FROM ledger_accounts WHERE shard_of = %s", (split,))
        [(shard,)] = cursor.fetchall()
    books.one(Hold(user, hot, 1), key="taken")
    too_much = books.balance(user)[0]
    impossible = [
        ("taken", user, [hot], [1]),
        ("too much", user, [hot], [too_much]),
        ("too much in all", user, [hot, split], [too_much - 20, 20]),
        ("another asset", user, [hot, scene.tin], [1, 1]),
        ("itself", user, [hot, user], [1, 1]),
        ("nobody", user, [hot, 999_999], [1, 1]),
        ("a shard", user, [hot, shard], [1, 1]),
        ("of nobody", 999_999, [hot], [1]),
        ("of nothing reserved", hot, [other], [1]),
        ("of what is split", split, [hot], [1]),
        ("nothing", user, [hot, hot], [1, 0]),
        ("less than nothing", user, [hot, hot], [2, -1]),
        ("no number", user, [hot], ["NaN"]),
        ("no amount", user, [hot, hot], [1, None]),
        ("no account", user, [hot, None], [1, 1]),
        ("too few", user, [hot, hot], [1]),
        ("none", user, [], []),
    ]
    before = _everything(connection)
    with connection, connection.cursor() as cursor:
        for key, *asked in impossible:
            cursor.execute(HOLD, (key, *asked))
            assert cursor.fetchone() == (None,), key
    assert _everything(connection) == before
