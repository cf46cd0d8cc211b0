"""Who is asked about claimed payments: the providers that the settings name, then our own nodes."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

from adapters.verification.aptos import read_aptos
from adapters.verification.bitcoin import read_bitcoin
from adapters.verification.provider import Provider
from adapters.verification.reader import FailOverReader, Read
from adapters.verification.solana import read_solana
from adapters.verification.tron import read_tron
from domain.claim_reading import ClaimReader
from domain.evm.networks import EVM_NETWORKS
from domain.networks import NETWORKS
from domain.rails import RAILS
from wiring.chain_settings import ChainSettings
from wiring.verify_settings import VerifySettings

TIMEOUT_S: Final = 10.0


def build_verifiers(
    verifiers: tuple[VerifySettings, ...], chains: tuple[ChainSettings, ...]
) -> Mapping[str, ClaimReader]:
    """A reader for each chain that somebody can be asked about; providers that are named come before our own nodes."""
    named = {one.chain: one for one in verifiers}
    followed = {rail.chain: rail for rail in chains}
    readers: dict[str, ClaimReader] = {}
    for chain in {**named, **followed}:
        read = _reading(chain)
        if read is None:
            continue
        providers = [*_named(named.get(chain)), *_followed(followed.get(chain))]
        quorum = named[chain].quorum if chain in named else 1
        readers[chain] = FailOverReader(RAILS[chain], read, providers, quorum=quorum)
    return MappingProxyType(readers)


def _named(settings: VerifySettings | None) -> list[Provider]:
    if settings is None:
        return []
    key = settings.api_key.reveal() if settings.api_key else ""
    header = _KEY_HEADERS.get(RAILS[settings.chain].family, ("Authorization", "Bearer "))
    headers = ((header[0], header[1] + key),) if key else ()
    return [Provider(url.reveal(), headers, timeout_s=TIMEOUT_S) for url in settings.urls]


def _followed(rail: ChainSettings | None) -> list[Provider]:
    if rail is None:
        return []
    urls = [url.reveal() for url in (rail.rpc_url, *rail.more_rpc_urls)]
    if RAILS[rail.chain].family == "bitcoin":
        urls = [f"{url}/wallet/{rail.wallet}" for url in urls]
    credentials = partial(_from_cookie, rail.cookie_file)
    return [Provider(url, credentials=credentials, timeout_s=TIMEOUT_S) for url in urls]


def _from_cookie(cookie_file: Path | None) -> tuple[str, str] | None:
    """The password that a node wrote down at its start; none while there is no such file."""
    if cookie_file is None or not cookie_file.exists():
        return None
    user, _, password = cookie_file.read_text(encoding="utf-8").strip().partition(":")
    return user, password


def _reading(chain: str) -> Read | None:
    family = RAILS[chain].family
    if family == "bitcoin":
        return partial(read_bitcoin, NETWORKS[chain])
    if family == "evm":
        # Late: a house without such a chain does not load what only its adapter needs.
        from adapters.verification.evm import read_evm

        return partial(read_evm, EVM_NETWORKS[chain])
    return _READERS.get(family)


_READERS: Final[Mapping[str, Read]] = MappingProxyType({"solana": read_solana, "tron": read_tron, "aptos": read_aptos})
_KEY_HEADERS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({"tron": ("TRON-PRO-API-KEY", "")})
