"""Flutterwave's entry among the provider families."""

from typing import Final

from domain.provider_family import OwnSetting, ProviderAccess, ProviderFamily
from domain.provider_ports import NotificationReader, Provider

_SENDER: Final = {"SENDER_NAME": "sender", "SENDER_COUNTRY": "sender_country", "SENDER_PHONE": "mobile_number"}
"""The sender, which Kenya requires: our settings, and Flutterwave's names for them."""


def _provider(access: ProviderAccess) -> Provider:
    # Imported late: without Flutterwave, what only its adapter needs is not loaded.
    from adapters.flutterwave.provider import FlutterwaveProvider
    from adapters.provider_http import ProviderEndpoint

    return FlutterwaveProvider(
        ProviderEndpoint(access.url, access.api_key),
        access.rail,
        callback_url=access.callback_url,
        sender={told: access.own[name] for name, told in _SENDER.items() if access.own[name]},
        poll_interval=access.poll_interval,
    )


def _reader(access: ProviderAccess) -> NotificationReader:
    from adapters.flutterwave.notifications import FlutterwaveNotifications

    return FlutterwaveNotifications(secret=access.webhook_secret)


FAMILY: Final = ProviderFamily(
    provider=_provider, reader=_reader, own=tuple(OwnSetting(name, default="") for name in _SENDER)
)
"""Its notifications are authenticated by a shared secret and have no signature."""
