"""What the environment says of each custodian and provider: where it answers, and the secrets shared with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from domain.providers import PROVIDERS
from wiring import parsing
from wiring.chain_settings import PREFIX, chain_env
from wiring.secret import Secret

POLL_INTERVAL_DEFAULT_S: Final = 30.0
_SECRETS: Final = ("API_KEY", "WEBHOOK_SECRET")
_EVERY: Final = ("URL", "POLL_INTERVAL_S", *_SECRETS, *(f"{name}_FILE" for name in _SECRETS))
_OF_FAMILY: Final[Mapping[str, tuple[str, ...]]] = {"circle": ("WALLET_ID", "CREDITS_PENDING"), "flutterwave": ()}


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """One configured provider."""

    chain: str
    url: str
    api_key: Secret
    webhook_secret: Secret | None = None
    """What its notifications, or the relay in front of us, prove themselves with."""
    wallet_id: str = ""
    credits_pending: bool = False
    """Whether deposits are credited while the custodian still calls them pending."""
    poll_interval_s: float = POLL_INTERVAL_DEFAULT_S


def provider_names(environ: Mapping[str, str]) -> list[str]:
    """The providers that STRONGROOM_PROVIDERS lists, as it spells them."""
    return [name.strip() for name in environ.get(f"{PREFIX}PROVIDERS", "").split(",") if name.strip()]


def provider_variables(names: list[str]) -> set[str]:
    """Every environment variable that may say something about these providers."""
    return {
        chain_env(name, suffix)
        for name in names
        if name in PROVIDERS
        for suffix in (*_EVERY, *_OF_FAMILY[PROVIDERS[name].family])
    }


def read_providers(environ: Mapping[str, str], faults: list[str]) -> tuple[ProviderSettings, ...]:
    """The providers that are listed; whatever is wrong with one is added to `faults`."""
    found, names = [], provider_names(environ)
    for name in names:
        if name not in PROVIDERS:
            nearest = get_close_matches(name, PROVIDERS, n=1)
            hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(PROVIDERS)}"
            faults.append(f"{PREFIX}PROVIDERS names {name!r}, which is not a provider; {hint}")
            continue
        try:
            found.append(_provider(name, environ))
        except ValueError as refusal:
            faults.append(f"settings of {name}: {refusal}")
    if len(set(names)) != len(names):
        faults.append(f"{PREFIX}PROVIDERS names a provider twice")
    return tuple(found)


def provider_environ(provider: ProviderSettings) -> dict[str, str]:
    """The variables that `read_providers` turns into these settings; they hold secrets in the clear."""
    said = {
        "URL": provider.url,
        "API_KEY": provider.api_key.reveal(),
        "WEBHOOK_SECRET": provider.webhook_secret.reveal() if provider.webhook_secret else None,
        "POLL_INTERVAL_S": str(provider.poll_interval_s),
    }
    if PROVIDERS[provider.chain].family == "circle":
        said |= {"WALLET_ID": provider.wallet_id, "CREDITS_PENDING": "yes" if provider.credits_pending else "no"}
    return {chain_env(provider.chain, suffix): value for suffix, value in said.items() if value is not None}


def _provider(name: str, environ: Mapping[str, str]) -> ProviderSettings:
    def told(suffix: str) -> str:
        return environ.get(chain_env(name, suffix), "").strip()

    rail = PROVIDERS[name]
    api_key, webhook_secret = _secret(told, "API_KEY"), _secret(told, "WEBHOOK_SECRET")
    if api_key is None:
        raise ValueError(f"{chain_env(name, 'API_KEY')} must be set: {name} is listed in {PREFIX}PROVIDERS")
    if rail.family == "circle" and not told("WALLET_ID"):
        raise ValueError(f"{chain_env(name, 'WALLET_ID')} must name the wallet that holds the house's money")
    return ProviderSettings(
        chain=name,
        url=parsing.url("http", "https")(told("URL") or rail.api_url),
        api_key=api_key,
        webhook_secret=webhook_secret,
        wallet_id=told("WALLET_ID"),
        credits_pending=parsing.boolean(told("CREDITS_PENDING") or "no"),
        poll_interval_s=parsing.seconds(0.05, 3600)(told("POLL_INTERVAL_S") or str(POLL_INTERVAL_DEFAULT_S)),
    )


def _secret(told: "parsing.Parser[str]", suffix: str) -> Secret | None:
    if told(suffix):
        return Secret(told(suffix))
    if not told(f"{suffix}_FILE"):
        return None
    try:
        return Secret(parsing.path(told(f"{suffix}_FILE")).read_text(encoding="utf-8").strip())
    except OSError as error:
        raise ValueError(f"the file of {suffix} cannot be read: {error.strerror}") from error
