"""Keys and passwords do not travel where others can read them, unless the host is named."""

import pytest

from domain.cleartext import in_the_clear
from wiring import plain_http
from wiring.environ import to_environ
from wiring.parsing import SettingsRefused
from wiring.settings import read_settings

FLUTTERWAVE = {
    "STRONGROOM_PROVIDERS": "flutterwave",
    "STRONGROOM_FLUTTERWAVE_API_KEY": "k",
    "STRONGROOM_FLUTTERWAVE_URL": "http://api.example",
}
BITCOIN = {"STRONGROOM_CHAINS": "bitcoin", "STRONGROOM_BITCOIN_RPC_URL": "http://user:hunter2@node.example:8332"}
COOKIE = {**BITCOIN, "STRONGROOM_BITCOIN_RPC_URL": "http://8.8.8.8", "STRONGROOM_BITCOIN_COOKIE_FILE": "/c"}
GNOSIS = {"STRONGROOM_CHAINS": "gnosis", "STRONGROOM_GNOSIS_RPC_URL": "https://a.example/key,http://b.example/v3/key"}
SOLANA = {
    "STRONGROOM_VERIFY_CHAINS": "solana",
    "STRONGROOM_SOLANA_VERIFY_URLS": "https://a.example,http://b.example",
    "STRONGROOM_SOLANA_VERIFY_API_KEY": "k",
}
SCREENING = {"STRONGROOM_SCREENING_URL": "http://screen.example/{address}", "STRONGROOM_SCREENING_TOKEN": "t"}


def refused(environ: dict[str, str]) -> list[str]:
    try:
        settings = read_settings(environ)
    except SettingsRefused as refusal:
        return list(refusal.faults)
    assert read_settings(to_environ(settings)) == settings
    return []


@pytest.mark.parametrize(
    ("environ", "name", "host"),
    [
        (FLUTTERWAVE, "STRONGROOM_FLUTTERWAVE_URL", "api.example"),
        (BITCOIN, "STRONGROOM_BITCOIN_RPC_URL", "node.example"),
        (COOKIE, "STRONGROOM_BITCOIN_RPC_URL", "8.8.8.8"),
        (GNOSIS, "STRONGROOM_GNOSIS_RPC_URL", "b.example"),
        (SOLANA, "STRONGROOM_SOLANA_VERIFY_URLS", "b.example"),
        (SCREENING, "STRONGROOM_SCREENING_URL", "screen.example"),
    ],
)
def test_a_secret_in_the_clear_is_refused_at_the_start_unless_its_host_is_named(
    environ: dict[str, str], name: str, host: str
) -> None:
    [fault] = refused(environ)
    assert fault.startswith(f"{name} would send a key or a password to {host} over plain http")
    assert "hunter2" not in fault
    assert refused({**environ, plain_http.ALLOWING: f"elsewhere.example, {host.upper()}"}) == []
    assert refused({key: value.replace("http://", "https://") for key, value in environ.items()}) == []


def test_a_public_node_that_wants_no_key_may_be_asked() -> None:
    assert refused({"STRONGROOM_CHAINS": "gnosis", "STRONGROOM_GNOSIS_RPC_URL": "http://rpc.example"}) == []


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "10.1.2.3", "192.168.1.9", "100.64.0.7", "[fd00::1]", "node", "x.internal",
     "abc.onion", "nas.local"],
)  # fmt: skip
def test_what_nobody_outside_can_listen_in_on_is_not_in_the_clear(host: str) -> None:
    assert in_the_clear(f"http://u:p@{host}:8332/wallet") == ""


@pytest.mark.parametrize("host", ["8.8.8.8", "[2606:4700::1111]", "134744072", "0x8080808", "a.example.", "b.example"])
def test_what_leads_out_is(host: str) -> None:
    assert in_the_clear(f"http://{host}/") == host.strip("[].")
    assert in_the_clear(f"https://{host}/") == ""
