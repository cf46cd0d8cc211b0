"""Circle's entry among the provider families."""

from typing import Final, cast

from domain.errors import ensure
from domain.provider_family import OwnSetting, ProviderAccess, ProviderFamily
from domain.provider_ports import NotificationReader, Provider
from domain.providers import Custodian


def _provider(access: ProviderAccess) -> Provider:
    # Imported late: without Circle, what only its adapter needs is not loaded.
    from adapters.circle.provider import CircleProvider
    from adapters.provider_http import ProviderEndpoint

    return CircleProvider(
        ProviderEndpoint(access.url, access.api_key),
        _row(access),
        wallet_id=access.own["WALLET_ID"],
        credits_pending=access.says("CREDITS_PENDING"),
        poll_interval=access.poll_interval,
    )


def _reader(access: ProviderAccess) -> NotificationReader:
    from adapters.circle.notifications import CircleNotifications
    from adapters.provider_http import ProviderEndpoint

    return CircleNotifications(ProviderEndpoint(access.url, access.api_key), _row(access), secret=access.webhook_secret)


def _row(access: ProviderAccess) -> Custodian:
    ensure(isinstance(access.rail, Custodian), "a row of Circle's is a custodian's")
    return cast("Custodian", access.rail)


FAMILY: Final = ProviderFamily(
    provider=_provider,
    reader=_reader,
    own=(
        OwnSetting("WALLET_ID", must="must name the wallet that holds the house's money"),
        OwnSetting("CREDITS_PENDING", default="no", is_yes_or_no=True),
    ),
    needs_secret=False,
)
"""Circle signs with keys of its own; a secret is shared only with a relay."""
