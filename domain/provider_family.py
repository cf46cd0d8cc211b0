"""What all providers of one family share: settings that only they have, and how their adapters are made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from domain.provider_ports import NotificationReader, Provider
from domain.providers import ProviderRow


@dataclass(frozen=True, slots=True)
class OwnSetting:
    """A setting that only this family has: `WALLET_ID` of the provider `circle` is STRONGROOM_CIRCLE_WALLET_ID.

    It is required where `default` is None; `must` then completes the error message. A secret may also come from a file.
    """

    name: str
    must: str = "must be set"
    default: str | None = None
    is_yes_or_no: bool = False
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class ProviderAccess:
    """The settings of one configured provider. `own` has every setting of its family, by name."""

    rail: ProviderRow
    url: str
    api_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    """The secret that its notifications are verified with; "" where none is shared."""
    callback_url: str
    """The address at which it can post to us."""
    poll_interval: timedelta
    own: Mapping[str, str] = field(repr=False)

    def says(self, name: str) -> bool:
        """Whether a yes-or-no setting of the family says yes."""
        return self.own[name] == "yes"


@dataclass(frozen=True, slots=True)
class ProviderFamily:
    """One kind of provider: everything about it that is not a row of data. Nothing connects before it is used.

    `needs_secret`: without a shared secret, its notifications cannot be told from forgeries.
    """

    provider: Callable[[ProviderAccess], Provider]
    reader: Callable[[ProviderAccess], NotificationReader]
    own: tuple[OwnSetting, ...] = ()
    needs_secret: bool = True
