"""Settings are read once, completely, and refuse loudly."""

import os
import pickle
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from wiring.environ import to_environ
from wiring.parsing import SettingsRefused
from wiring.secret import Secret
from wiring.settings import read_settings

PRODUCTION = {
    "STRONGROOM_ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql://app:hunter2@db/strongroom",
    "REDIS_URL": "redis://:hunter2@cache:6379",
    "STRONGROOM_SECRET_KEY": "k" * 32,
    "STRONGROOM_FLOWER_PASSWORD": "p" * 16,
    "STRONGROOM_PUBLIC_URL": "https://money.example",
}
RAIL = {
    "STRONGROOM_CHAINS": "litecoin-regtest",
    "STRONGROOM_LITECOIN_REGTEST_RPC_URL": "http://user:hunter2@127.0.0.1:19443",
}


def faults(environ: dict[str, str]) -> str:
    with pytest.raises(SettingsRefused) as refusal:
        read_settings(environ)
    return "\n".join(refusal.value.faults)


def test_production_runs_on_explicit_settings() -> None:
    settings = read_settings(PRODUCTION)
    assert settings.is_production
    assert settings.database_url == Secret(PRODUCTION["DATABASE_URL"])


@pytest.mark.parametrize("name", sorted(PRODUCTION.keys() - {"STRONGROOM_ENVIRONMENT"}))
def test_production_has_no_default_for_what_must_be_known(name: str) -> None:
    environ = {key: value for key, value in PRODUCTION.items() if key != name}
    assert name in faults(environ)


def test_every_fault_is_reported_at_once() -> None:
    told = faults({"STRONGROOM_ENVIRONMENT": "production", "STRONGROOM_WEB_PORT": "no", "STRONGROOM_WEB_PROT": "1"})
    assert "STRONGROOM_WEB_PORT must be a whole number" in told
    assert "STRONGROOM_WEB_PROT is not a setting; did you mean STRONGROOM_WEB_PORT?" in told
    assert "DATABASE_URL must be set" in told


def test_a_misspelt_name_is_refused_with_the_nearest(tmp_path: Path) -> None:
    assert "did you mean STRONGROOM_SECRET_KEY?" in faults({"STRONGROOM_SECRETKEY": "x" * 40})


def test_a_setting_of_a_chain_that_is_not_listed_is_refused() -> None:
    assert "STRONGROOM_BITCOIN_RPC_URL is not a setting" in faults({"STRONGROOM_BITCOIN_RPC_URL": "http://n"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STRONGROOM_ENVIRONMENT", "staging"),
        ("STRONGROOM_WEB_PORT", "0"),
        ("STRONGROOM_WEB_PORT", "65536"),
        ("STRONGROOM_WEB_PORT", "８０"),
        ("STRONGROOM_STATEMENT_TIMEOUT_S", "nan"),
        ("STRONGROOM_STATEMENT_TIMEOUT_S", "-1"),
        ("STRONGROOM_PRIVATE_NODE", "maybe"),
        ("STRONGROOM_SECRET_KEY", "short"),
        ("STRONGROOM_PUBLIC_URL", "javascript:alert(1)"),
        ("STRONGROOM_PUBLIC_URL", "https:money.example"),
        ("STRONGROOM_PUBLIC_URL", "https://money.example/under/here"),
        ("STRONGROOM_PUBLIC_URL", "https://money.example?a"),
        ("STRONGROOM_PUBLIC_URL", "https://money.example#a"),
        ("STRONGROOM_PUBLIC_URL", "https://user@money.example"),
        ("STRONGROOM_PUBLIC_URL", "https://money.example:hunter2"),
        ("STRONGROOM_PUBLIC_URL", "https://money.example; script-src *"),
        ("STRONGROOM_REALTIME_URL", "https://[::1"),
        ("DATABASE_URL", "mysql://u:hunter2@db/x"),
        ("REDIS_URL", "redis://cache/first"),
        ("STRONGROOM_PRICE_KEYS", "hunter2"),
        ("STRONGROOM_PRICE_KEYS", "one=hunter2,one=hunter2"),
        ("STRONGROOM_CHAINS", "bitcion"),
        ("STRONGROOM_CHAINS", "bitcoin"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(name: str, value: str) -> None:
    told = faults({name: value})
    assert name in told or "STRONGROOM_BITCOIN_RPC_URL" in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    ("said", "spelled"),
    [
        ("https://Money.Example/", "https://money.example"),
        ("https://money.example:443", "https://money.example"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_the_public_address_is_spelled_as_browsers_spell_an_origin(tmp_path: Path, said: str, spelled: str) -> None:
    environ = {"STRONGROOM_VAR_DIR": str(tmp_path), "STRONGROOM_PUBLIC_URL": said}
    assert read_settings(environ).public_url == spelled


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"STRONGROOM_PUBLIC_URL": "http://money.example"}, "STRONGROOM_PUBLIC_URL"),
        ({"STRONGROOM_REALTIME_URL": "http://money.example"}, "STRONGROOM_REALTIME_URL"),
        ({"STRONGROOM_WEBHOOK_PRIVATE": "yes"}, "STRONGROOM_WEBHOOK_PRIVATE"),
        ({"STRONGROOM_TURN_SECRET": "t" * 16}, "STRONGROOM_TURN_URLS"),
        ({"STRONGROOM_SCREENING_TOKEN": "t"}, "STRONGROOM_SCREENING_URL"),
        ({"STRONGROOM_SMTP_HOST": "mail.example", "STRONGROOM_SMTP_USERNAME": "u"}, "STRONGROOM_SMTP_PASSWORD"),
        ({"STRONGROOM_SMTP_USERNAME": "u", "STRONGROOM_SMTP_PASSWORD": "p"}, "STRONGROOM_SMTP_HOST"),
        (
            {
                "STRONGROOM_SMTP_HOST": "mail.example",
                "STRONGROOM_SMTP_USERNAME": "u",
                "STRONGROOM_SMTP_PASSWORD": "p",
                "STRONGROOM_SMTP_SECURITY": "none",
            },
            "STRONGROOM_SMTP_SECURITY",
        ),
    ],
)
def test_settings_that_cannot_all_be_meant_are_refused(changes: dict[str, str], named: str) -> None:
    assert named in faults(PRODUCTION | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"STRONGROOM_PUBLIC_URL": "http://127.0.0.1:8080"},
        {"STRONGROOM_PUBLIC_URL": "http://strongroomstrongroom.onion"},
        {
            "STRONGROOM_SMTP_HOST": "localhost",
            "STRONGROOM_SMTP_USERNAME": "u",
            "STRONGROOM_SMTP_PASSWORD": "p",
            "STRONGROOM_SMTP_SECURITY": "none",
        },
    ],
)
def test_what_stays_on_the_host_or_goes_by_tor_needs_no_tls(changes: dict[str, str]) -> None:
    assert read_settings(PRODUCTION | changes).is_production


def test_secrets_never_show_themselves() -> None:
    settings = read_settings(PRODUCTION | RAIL)
    for shown in (repr(settings), str(settings.chains), f"{settings.redis_url}", f"{settings.secret_key!r}"):
        assert "hunter2" not in shown
        assert "k" * 32 not in shown
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(settings.secret_key)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        read_settings(PRODUCTION).web_port = 1  # type: ignore[misc]


def test_development_makes_up_secrets_once_and_keeps_them_to_its_owner(tmp_path: Path) -> None:
    environ = {"STRONGROOM_VAR_DIR": str(tmp_path)}
    first, second = read_settings(environ), read_settings(environ)
    assert first.secret_key == second.secret_key
    assert first.secret_key != first.flower_password
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "secrets").iterdir()} == {0o600}


def test_development_is_reached_where_its_web_process_listens(tmp_path: Path) -> None:
    environ = {"STRONGROOM_VAR_DIR": str(tmp_path), "STRONGROOM_WEB_PORT": "8180"}
    assert read_settings(environ).public_url == "http://127.0.0.1:8180"
    assert read_settings(environ | {"STRONGROOM_HOST": "::1"}).realtime_url == "http://[::1]:8081"
    said = read_settings(environ | {"STRONGROOM_PUBLIC_URL": "https://money.example"})
    assert said.public_url == "https://money.example"


def test_a_refusal_makes_up_nothing(tmp_path: Path) -> None:
    faults({"STRONGROOM_VAR_DIR": str(tmp_path), "STRONGROOM_TYPO": "1"})
    assert not list(tmp_path.iterdir())


def test_a_rail_is_read_with_its_wallet_and_its_pace() -> None:
    more = {"STRONGROOM_LITECOIN_REGTEST_WALLET": "hot", "STRONGROOM_LITECOIN_REGTEST_POLL_INTERVAL_S": "2.5"}
    (rail,) = read_settings(PRODUCTION | RAIL | more).chains
    assert (rail.chain, rail.wallet, rail.poll_interval_s, rail.zmq_url) == ("litecoin-regtest", "hot", 2.5, None)


def test_the_three_databases_of_redis_follow_the_one_that_is_named() -> None:
    plain = read_settings(PRODUCTION)
    offset = read_settings(PRODUCTION | {"REDIS_URL": "redis://:hunter2@cache:6379/6"})
    assert plain.redis_database(2).reveal().endswith(":6379/2")
    assert offset.redis_database(1).reveal().endswith(":6379/7")


@pytest.mark.parametrize(
    "extra",
    [
        {"STRONGROOM_PRICE_KEYS": "kraken=a b=c, other=d"},
        RAIL,
        RAIL | {"STRONGROOM_LITECOIN_REGTEST_ZMQ_URL": "tcp://127.0.0.1:1"},
    ],
)
def test_a_child_process_reads_what_its_parent_knew(tmp_path: Path, extra: dict[str, str]) -> None:
    settings = read_settings({"STRONGROOM_VAR_DIR": str(tmp_path), "STRONGROOM_PRIVATE_NODE": "no"} | extra)
    assert read_settings(to_environ(settings)) == settings


def test_the_environment_of_this_process_is_not_read_behind_the_callers_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "STRONGROOM_WEB_PORT", "1234")
    assert read_settings(PRODUCTION).web_port == 8080
