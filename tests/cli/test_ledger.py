"""An operator can fund the house, see what it holds and have the ledger verified; an altered row fails the command."""

import os

import psycopg2
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from cli.ledger import ledger
from services import alerts, checking
from tests.databases import Database, settings_for
from tests.ledger.conftest import open_assets
from wiring.environ import to_environ


@pytest.fixture
def command(own_database: Database, own_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    for name in [name for name in os.environ if name.startswith("STRONGROOM_")]:
        monkeypatch.delenv(name)
    for name, value in to_environ(settings_for(own_database)).items():
        monkeypatch.setenv(name, value)
    open_assets(own_engine)
    return CliRunner()


def run(command: CliRunner, *arguments: str) -> Result:
    return command.invoke(ledger, list(arguments))


def test_the_owners_money_is_recorded_once_per_key(command: CliRunner) -> None:
    assert "recorded" in run(command, "fund", "GOLD", "12.50", "--key", "first").output
    assert "was recorded before" in run(command, "fund", "GOLD", "12.50", "--key", "first").output
    listed = run(command, "accounts").output
    assert run(command, "split", "GOLD", "hot_wallet", "--shards", "4").exit_code == 0
    assert run(command, "accounts").output == listed
    assert [line.split()[:4] for line in listed.splitlines()] == [
        ["GOLD", "asset", "hot_wallet", "12.50"],
        ["GOLD", "equity", "owner_equity", "12.50"],
    ]


@pytest.mark.parametrize(("asset", "amount"), [("BRASS", "1"), ("GOLD", "-1"), ("GOLD", "1.001"), ("GOLD", "1e3")])
def test_what_cannot_be_funded_is_refused(command: CliRunner, asset: str, amount: str) -> None:
    assert run(command, "fund", "--", asset, amount).exit_code != 0
    assert run(command, "accounts").output == ""


def test_verification_and_check_say_that_all_is_well_until_a_row_is_altered(
    command: CliRunner, own_database: Database, own_engine: Engine
) -> None:
    run(command, "fund", "GOLD", "12.50")
    run(command, "seal")
    well = run(command, "verify")
    assert (well.exit_code, well.output.splitlines()[-1]) == (0, "All is well.")
    assert run(command, "check").output == "4 rows checked. All is well.\n"
    _alter(own_database, "UPDATE ledger_transfers SET amount = amount + 1")
    altered = run(command, "verify")
    assert altered.exit_code == 1
    assert "ledger_transfers row 1" in altered.output
    checked = run(command, "check")
    assert checked.exit_code == 1
    assert "ledger_transfers row 1" in checked.output
    assert _stands(own_engine)
    _alter(own_database, "UPDATE ledger_transfers SET amount = amount - 1")
    assert run(command, "check").exit_code == 0
    assert not _stands(own_engine)


def _alter(database: Database, statement: str) -> None:
    connection = psycopg2.connect(database.superuser_url.reveal())
    with connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement)
    connection.close()


def _stands(engine: Engine) -> bool:
    with Session(engine) as session:
        return alerts.stands(session, checking.BROKEN, scope=checking.SCOPE)
