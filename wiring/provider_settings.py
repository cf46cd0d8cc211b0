"""The settings of each custodian and provider: where it answers, and the secrets shared with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from domain.provider_family import OwnSetting
from domain.providers import PROVIDERS
from wiring import parsing
from wiring.chain_settings import PREFIX, chain_env
from wiring.provider_families import FAMILIES
from wiring.secret import Secret

POLL_INTERVAL_DEFAULT_S: Final = 30.0
_SECRETS: Final = ("API_KEY", "WEBHOOK_SECRET")
_EVERY: Final = ("URL", "POLL_INTERVAL_S", *_SECRETS, *(f"{name}_FILE" for name in _SECRETS))
_NONE: Final[Mapping[str, Secret]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """One configured provider."""

    chain: str
    url: str
    api_key: Secret
    webhook_secret: Secret | None = None
    """What its notifications, or the relay in front of us, prove themselves with."""
    poll_interval_s: float = POLL_INTERVAL_DEFAULT_S
    own: Mapping[str, Secret] = field(default_factory=lambda: _NONE)
    """What only its family is told (`ProviderFamily.own`), by name; not all of it is secret."""


def provider_names(environ: Mapping[str, str]) -> list[str]:
    """The providers that STRONGROOM_PROVIDERS lists, as it spells them."""
    return [name.strip() for name in environ.get(f"{PREFIX}PROVIDERS", "").split(",") if name.strip()]


def provider_variables(names: list[str]) -> set[str]:
    """Every environment variable that may hold a setting of these providers."""
    return {
        chain_env(name, suffix)
        for name in names
        if name in PROVIDERS
        for suffix in (*_EVERY, *(spelled for own in _own(name) for spelled in _spelled(own)))
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
    said |= {name: value.reveal() for name, value in provider.own.items()}
    return {chain_env(provider.chain, suffix): value for suffix, value in said.items() if value is not None}


def _provider(name: str, environ: Mapping[str, str]) -> ProviderSettings:
    def told(suffix: str) -> str:
        return environ.get(chain_env(name, suffix), "").strip()

    rail = PROVIDERS[name]
    api_key, webhook_secret = _secret(told, "API_KEY"), _secret(told, "WEBHOOK_SECRET")
    if api_key is None:
        raise ValueError(f"{chain_env(name, 'API_KEY')} must be set: {name} is listed in {PREFIX}PROVIDERS")
    return ProviderSettings(
        chain=name,
        url=parsing.url("http", "https")(told("URL") or rail.api_url),
        api_key=api_key,
        webhook_secret=webhook_secret,
        poll_interval_s=parsing.seconds(0.05, 3600)(told("POLL_INTERVAL_S") or str(POLL_INTERVAL_DEFAULT_S)),
        own=MappingProxyType({own.name: _own_value(name, own, told) for own in _own(name)}),
    )


def _own(name: str) -> tuple[OwnSetting, ...]:
    return FAMILIES[PROVIDERS[name].family].own


def _spelled(own: OwnSetting) -> tuple[str, ...]:
    return (own.name, f"{own.name}_FILE") if own.is_secret else (own.name,)


def _own_value(name: str, own: OwnSetting, told: "parsing.Parser[str]") -> Secret:
    found = _secret(told, own.name) if own.is_secret else Secret(told(own.name)) if told(own.name) else None
    if found is None and own.default is None:
        raise ValueError(f"{chain_env(name, own.name)} {own.must}")
    said = found.reveal() if found is not None else own.default or ""
    if own.is_yes_or_no:
        return Secret("yes" if parsing.boolean(said) else "no")
    return Secret(said)


def _secret(told: "parsing.Parser[str]", suffix: str) -> Secret | None:
    if told(suffix):
        return Secret(told(suffix))
    if not told(f"{suffix}_FILE"):
        return None
    try:
        return Secret(parsing.path(told(f"{suffix}_FILE")).read_text(encoding="utf-8").strip())
    except OSError as error:
        raise ValueError(f"the file of {suffix} cannot be read: {error.strerror}") from error
