"""Flutterwave among the families of providers."""

from typing import Final

from domain.provider_family import ProviderAccess, ProviderFamily
from domain.provider_ports import NotificationReader, Provider


def _provider(access: ProviderAccess) -> Provider:
    # Late: a house without Flutterwave does not load what only its adapter needs.
    from adapters.flutterwave.provider import FlutterwaveProvider
    from adapters.provider_http import ProviderEndpoint

    return FlutterwaveProvider(
        ProviderEndpoint(access.url, access.api_key),
        access.rail,
        callback_url=access.callback_url,
        poll_interval=access.poll_interval,
    )


def _reader(access: ProviderAccess) -> NotificationReader:
    from adapters.flutterwave.notifications import FlutterwaveNotifications

    return FlutterwaveNotifications(secret=access.webhook_secret)


FAMILY: Final = ProviderFamily(provider=_provider, reader=_reader)
"""Its notifications carry a secret and no signature."""
