"""The settings of the providers that are asked about claimed payments, for each chain."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from domain.rails import RAILS
from wiring import parsing
from wiring.chain_settings import PREFIX, chain_env
from wiring.secret import Secret

LISTED: Final = f"{PREFIX}VERIFY_CHAINS"
_SUFFIXES: Final = ("VERIFY_URLS", "VERIFY_QUORUM", "VERIFY_API_KEY")
_PROVIDERS_MAX: Final = 9


@dataclass(frozen=True, slots=True)
class VerifySettings:
    """The providers of one chain, in the order in which they are asked, and how many of them have to agree."""

    chain: str
    urls: tuple[Secret, ...]
    quorum: int = 1
    api_key: Secret | None = None


def verify_variables(environ: Mapping[str, str]) -> set[str]:
    """Every environment variable that may say something about them."""
    return {LISTED} | {chain_env(chain, suffix) for chain in _names(environ) for suffix in _SUFFIXES}


def read_verifiers(environ: Mapping[str, str], faults: list[str]) -> tuple[VerifySettings, ...]:
    """The chains that STRONGROOM_VERIFY_CHAINS lists; whatever is wrong with one is added to `faults`."""
    found = []
    for chain in dict.fromkeys(_names(environ)):
        if chain not in RAILS or RAILS[chain].hashes is None:
            faults.append(f"{LISTED} names {chain!r}, where no payment can be verified")
            continue
        try:
            found.append(_verifier(chain, environ))
        except ValueError as refusal:
            faults.append(f"settings of {chain}: {refusal}")
    return tuple(found)


def verify_environ(settings: tuple[VerifySettings, ...]) -> dict[str, str]:
    """The variables that `read_verifiers` turns into these settings; they hold secrets in the clear."""
    told = {LISTED: ",".join(one.chain for one in settings)} if settings else {}
    for one in settings:
        told[chain_env(one.chain, "VERIFY_URLS")] = ",".join(url.reveal() for url in one.urls)
        told[chain_env(one.chain, "VERIFY_QUORUM")] = str(one.quorum)
        if one.api_key is not None:
            told[chain_env(one.chain, "VERIFY_API_KEY")] = one.api_key.reveal()
    return told


def _names(environ: Mapping[str, str]) -> list[str]:
    return [name.strip() for name in environ.get(LISTED, "").split(",") if name.strip()]


def _verifier(chain: str, environ: Mapping[str, str]) -> VerifySettings:
    def told(suffix: str) -> str:
        return environ.get(chain_env(chain, suffix), "").strip()

    listed = [part.strip() for part in told("VERIFY_URLS").split(",") if part.strip()]
    if not listed:
        raise ValueError(f"{chain_env(chain, 'VERIFY_URLS')} must be set: {chain} is listed in {LISTED}")
    quorum = parsing.integer(1, _PROVIDERS_MAX)(told("VERIFY_QUORUM") or "1")
    # One host that is listed twice would agree with itself.
    if quorum > len({urlsplit(part).netloc.rpartition("@")[2].lower() for part in listed}):
        raise ValueError(f"{chain_env(chain, 'VERIFY_QUORUM')} must not be more than there are providers' hosts")
    return VerifySettings(
        chain=chain,
        urls=tuple(Secret(parsing.url("http", "https")(part)) for part in listed),
        quorum=quorum,
        api_key=Secret(told("VERIFY_API_KEY")) if told("VERIFY_API_KEY") else None,
    )
