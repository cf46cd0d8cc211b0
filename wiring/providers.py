"""The configured providers, as adapters; none of them connects before it is used."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from domain.provider_family import ProviderAccess
from domain.provider_ports import NotificationReader, Provider
from domain.providers import PROVIDERS
from wiring.provider_families import FAMILIES
from wiring.provider_settings import ProviderSettings
from wiring.settings import Settings


def build_providers(settings: Settings) -> Mapping[str, Provider]:
    """One adapter for each configured provider, by its id."""
    used = [_access(said, settings.public_url) for said in settings.providers]
    return MappingProxyType({one.rail.chain: FAMILIES[one.rail.family].provider(one) for one in used})


def build_readers(settings: Settings) -> Mapping[str, NotificationReader]:
    """What reads the notifications of each configured provider, by its id."""
    used = [_access(said, settings.public_url) for said in settings.providers]
    return MappingProxyType({one.rail.chain: FAMILIES[one.rail.family].reader(one) for one in used})


def _access(said: ProviderSettings, public_url: str) -> ProviderAccess:
    rail = PROVIDERS[said.chain]
    defaults = {own.name: own.default for own in FAMILIES[rail.family].own if own.default is not None}
    return ProviderAccess(
        rail=rail,
        url=said.url,
        api_key=said.api_key.reveal(),
        webhook_secret=said.webhook_secret.reveal() if said.webhook_secret else "",
        callback_url=f"{public_url}/webhooks/{said.chain}",
        poll_interval=timedelta(seconds=said.poll_interval_s),
        own=MappingProxyType(defaults | {name: value.reveal() for name, value in said.own.items()}),
    )
