"""The providers that the settings name, as adapters; none of them connects before it is asked something."""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from domain.ports import NotificationReader, Provider
from domain.providers import PROVIDERS, Custodian, PayoutProvider
from wiring.provider_settings import ProviderSettings
from wiring.settings import Settings


def build_providers(settings: Settings) -> Mapping[str, Provider]:
    """One adapter for each configured provider, by its id."""
    return MappingProxyType({said.chain: _provider(said, settings.public_url) for said in settings.providers})


def build_readers(settings: Settings) -> Mapping[str, NotificationReader]:
    """What reads the notifications of each configured provider, by its id."""
    return MappingProxyType({said.chain: _reader(said) for said in settings.providers})


def _provider(said: ProviderSettings, public_url: str) -> Provider:
    # Late: a house without providers does not load what only their adapters need.
    from adapters.circle.provider import CircleProvider
    from adapters.flutterwave.provider import FlutterwaveProvider
    from adapters.provider_http import ProviderEndpoint

    rail, endpoint = PROVIDERS[said.chain], ProviderEndpoint(said.url, said.api_key.reveal())
    interval = timedelta(seconds=said.poll_interval_s)
    if isinstance(rail, PayoutProvider):
        callback = f"{public_url}/webhooks/{said.chain}"
        return FlutterwaveProvider(endpoint, rail, callback_url=callback, poll_interval=interval)
    return CircleProvider(
        endpoint, rail, wallet_id=said.wallet_id, credits_pending=said.credits_pending, poll_interval=interval
    )


def _reader(said: ProviderSettings) -> NotificationReader:
    from adapters.circle.notifications import CircleNotifications
    from adapters.flutterwave.notifications import FlutterwaveNotifications
    from adapters.provider_http import ProviderEndpoint

    rail, secret = PROVIDERS[said.chain], said.webhook_secret.reveal() if said.webhook_secret else ""
    if isinstance(rail, Custodian):
        return CircleNotifications(ProviderEndpoint(said.url, said.api_key.reveal()), rail, secret=secret)
    return FlutterwaveNotifications(secret=secret)
