"""Settings that would send a key or a password over plain http to another host."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from domain.cleartext import allowed_hosts, in_the_clear, may_hold_a_key
from wiring.chain_settings import PREFIX, ChainSettings, chain_env
from wiring.secret import Secret
from wiring.verify_settings import VerifySettings

ALLOWING: Final = f"{PREFIX}PLAIN_HTTP_HOSTS"


def secret_addresses(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The setting and the address of everything that is sent a secret."""
    for chain in values.get("chains", ()):
        for url in _of_chain(chain):
            yield chain_env(chain.chain, "RPC_URL"), url
    for verifier in values.get("verify_chains", ()):
        for url in _of_verifier(verifier):
            yield chain_env(verifier.chain, "VERIFY_URLS"), url
    for provider in values.get("providers", ()):
        yield chain_env(provider.chain, "URL"), provider.url
    asked: Secret | None = values.get("screening_url")
    if asked is not None and (values.get("screening_token") or may_hold_a_key(asked.reveal())):
        yield f"{PREFIX}SCREENING_URL", asked.reveal()


def exposed(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Those of these settings whose secret would travel unencrypted, each with the host that it goes to."""
    allowed = allowed_hosts(values.get("plain_http_hosts", ""))
    for name, url in secret_addresses(values):
        host = in_the_clear(url, allowed)
        if host:
            yield name, host


def refusals(values: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each exposed setting."""
    for name, host in dict.fromkeys(exposed(values)):
        yield (
            f"{name} would send a key or a password to {host} over plain http, for anybody on the way to read: use "
            f"https://, or name the host in {ALLOWING} if a tunnel or a network of your own leads to it"
        )


def _of_chain(chain: ChainSettings) -> Iterator[str]:
    for url in (chain.rpc_url, *chain.more_rpc_urls):
        if chain.cookie_file is not None or may_hold_a_key(url.reveal()):
            yield url.reveal()


def _of_verifier(verifier: VerifySettings) -> Iterator[str]:
    for url in verifier.urls:
        if verifier.api_key is not None or may_hold_a_key(url.reveal()):
            yield url.reveal()
