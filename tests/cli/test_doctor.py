"""The doctor names what is wrong, says how to mend it, and its exit status can be relied on."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg2
import pytest
from click.testing import CliRunner, Result

from cli.doctor import doctor
from domain.actor import Actor
from domain.alert_rules import RULES
from services import alerts
from services.alerts import engine, handling
from tests.alerts.looking import WELL, later
from tests.databases import Database, Server
from wiring import examination
from wiring.container import Container
from wiring.embedded.node import NodeServer
from wiring.embedded.redis import RedisServer
from wiring.environ import to_environ
from wiring.examining_alerts import examine_alerts
from wiring.secret import Secret
from wiring.settings import ChainSettings, Settings

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def well(settings: Settings, own_redis: RedisServer) -> Settings:
    """An installation without rails, with which nothing but the tests' lax server is wrong."""
    return replace(settings, redis_url=Secret(own_redis.url), private_node=False)


def examine(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Result:
    with monkeypatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("STRONGROOM_")]:
            patch.delenv(name)
        for name, value in to_environ(settings).items():
            patch.setenv(name, value)
        return CliRunner().invoke(doctor)


def told(result: Result, subject: str) -> str:
    """The line about this subject and the advice below it."""
    lines = result.output.splitlines()
    index = next(number for number, line in enumerate(lines) if f"  {subject} " in line)
    return " ".join(" ".join(lines[index : index + 2]).split())


def test_a_log_that_stands_still_after_a_restore_is_named(
    well: Settings, own_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(psycopg2.connect(own_database.owner_url.reveal())) as restored:
        restored.cursor().execute(
            "INSERT INTO consumers (name, xid, source, seq, moved_at) VALUES ('webhooks', 4000000000, 0, 0, now())"
        )
        restored.commit()
    assert "python -m cli migrate" in told(examine(well, monkeypatch), "event log")


def test_what_is_well_is_said_to_be_well(well: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    result = examine(well, monkeypatch)
    for subject in ("settings", "PostgreSQL", "role", "schema", "clock", "Redis", "disk"):
        assert told(result, subject).startswith("ok"), result.output
    assert told(result, "rails").startswith("note")


def test_a_server_that_may_forget_money_is_wrong(well: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    result = examine(well, monkeypatch)
    assert "WRONG durability fsync, full_page_writes off" in told(result, "durability")
    assert result.exit_code == 1


def test_a_site_with_tls_that_believes_no_proxy_is_wrong(well: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    result = examine(replace(well, public_url="https://money.example", realtime_url=None), monkeypatch)
    assert result.exit_code == 1
    assert "STRONGROOM_TRUSTED_PROXIES" in told(result, "front door")


def test_servers_that_do_not_answer_are_named_with_what_to_do(well: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    rail = ChainSettings("litecoin-regtest", Secret("http://u:hunter2@127.0.0.1:3"), "hot")
    dead = replace(
        well,
        database_url=Secret("postgresql://app:hunter2@127.0.0.1:1/x"),
        redis_url=Secret("redis://:hunter2@127.0.0.1:2"),
        chains=(rail,),
    )
    result = examine(dead, monkeypatch)
    assert result.exit_code == 1
    assert "WRONG PostgreSQL does not answer" in told(result, "PostgreSQL")
    assert "correct REDIS_URL" in told(result, "Redis")
    assert "STRONGROOM_LITECOIN_REGTEST_RPC_URL" in told(result, "litecoin-regtest")
    assert "hunter2" not in result.output


def test_a_node_with_its_wallet_is_well_and_a_missing_wallet_is_not(
    well: Settings, node: NodeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.ensure_wallet("doctor")
    here = ChainSettings(node.chain, Secret(node.rpc_url), "doctor")
    result = examine(replace(well, chains=(here,)), monkeypatch)
    assert told(result, node.chain).startswith("ok")
    assert told(result, "wallet").startswith("ok")
    result = examine(replace(well, chains=(replace(here, wallet="nowhere"),)), monkeypatch)
    assert told(result, "wallet").startswith("WRONG")
    assert "_WALLET" in told(result, "wallet")
    wrong = replace(here, rpc_url=Secret(node.rpc_url.replace("strongroom:", "stranger:")))
    result = examine(replace(well, chains=(wrong,)), monkeypatch)
    assert "Correct user and password" in told(result, node.chain)


def test_a_schema_that_is_behind_is_named(well: Settings, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    bare: Database = server.empty()
    try:
        result = examine(replace(well, database_url=bare.url), monkeypatch)
    finally:
        server.drop(bare)
    assert "WRONG schema is at nothing" in told(result, "schema")
    assert "python -m cli migrate" in told(result, "schema")


def test_an_application_that_owns_its_tables_is_wrong(
    well: Settings, own_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = examine(replace(well, database_url=own_database.owner_url), monkeypatch)
    assert "could rewrite the ledger" in told(result, "role")


def test_a_redis_that_evicts_is_wrong(well: Settings, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    import redis

    with redis.Redis.from_url(own_redis.url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    result = examine(well, monkeypatch)
    assert "WRONG Redis maxmemory-policy is allkeys-lru" in " ".join(result.output.split())


def test_critical_alerts_that_stand_are_named_with_what_to_do(
    well: Settings, build: Callable[[Settings], Container], monkeypatch: pytest.MonkeyPatch
) -> None:
    container = build(well)
    assert "note alerts nobody has looked for any yet" in told(examine(well, monkeypatch), "alerts")
    now, scope = container.now(), "ledger:seals"
    with container.transaction() as session:
        alerts.raise_alert(session, "seal_broken", scope=scope, severity="critical", reason="row 7", now=now)
        alerts.raise_alert(session, "flow_stuck", scope="flow:1", severity="warning", reason="late", now=now)
        handling.acknowledge(session, "seal_broken", scope, note="on it", now=now, by=Actor("user:bob"))
        for code in ("login_failures", "seal_broken"):
            engine.without_answer(session, RULES[code], WELL, error="OperationalError", now=now)
    result = examine(well, monkeypatch)
    assert result.exit_code == 1
    told_of = [" ".join(line.split()) for line in result.output.splitlines()]
    [line] = [line for line in told_of if "seal_broken of ledger:seals since" in line]
    assert line.startswith("WRONG alert")
    assert line.endswith(": row 7; user:bob looks after it")
    assert RULES["seal_broken"].what_to_do in result.output
    assert "note alerts 1 that are not critical stand: flow_stuck" in told_of
    assert "note alert login_failures: it cannot be told whether it is so" in told_of
    assert "WRONG alert seal_broken: it cannot be told whether it is so" in told_of
    assert any(line.startswith("ok alerts looked for") for line in told_of)
    *_, last = examine_alerts(later(container, timedelta(minutes=2)))
    assert (last.state, "nobody has looked for any since" in last.fact) == ("note", True)


def test_clocks_that_differ_and_a_full_disk_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert examination._clock(datetime.now(UTC)).state == "ok"
    assert examination._clock(datetime.now(UTC) - timedelta(seconds=10)).state == "wrong"


def test_a_misspelt_setting_is_told_before_anything_is_started(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "STRONGROOM_VAR_DIR": str(tmp_path / "var"), "STRONGROOM_WEBPORT": "1"}
    command = [sys.executable, "-m", "cli", "doctor"]
    answer = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert "did you mean STRONGROOM_WEB_PORT?" in answer.stdout
    assert not (tmp_path / "var").exists()


def test_every_command_that_is_listed_can_be_loaded() -> None:
    from cli.__main__ import COMMANDS, main

    answer = CliRunner().invoke(main, ["--help"])
    for name in COMMANDS:
        assert name in answer.output
        assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0, name
