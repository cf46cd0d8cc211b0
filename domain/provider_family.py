"""What every provider of one family shares: the settings that only it has, and what makes its adapters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from domain.provider_ports import NotificationReader, Provider
from domain.providers import ProviderRow


@dataclass(frozen=True, slots=True)
class OwnSetting:
    """A setting that no other family has: `WALLET_ID` of the provider `circle` is STRONGROOM_CIRCLE_WALLET_ID.

    It has to be set where `default` is None; `must` then completes the refusal. A secret may also come from a file.
    """

    name: str
    must: str = "must be set"
    default: str | None = None
    is_yes_or_no: bool = False
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class ProviderAccess:
    """What the settings say of one provider that is used. `own` has every setting of its family, by name."""

    rail: ProviderRow
    url: str
    api_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    """What its notifications prove themselves with; "" where nothing is shared."""
    callback_url: str
    """Where it can post to us."""
    poll_interval: timedelta
    own: Mapping[str, str] = field(repr=False)

    def says(self, name: str) -> bool:
        """Whether a setting of the family that is yes or no says yes."""
        return self.own[name] == "yes"


@dataclass(frozen=True, slots=True)
class ProviderFamily:
    """One kind of provider: everything about it that is not a row of data. Nothing connects before it is asked.

    `needs_secret`: its notifications cannot be told from forgeries unless a secret is shared with it.
    """

    provider: Callable[[ProviderAccess], Provider]
    reader: Callable[[ProviderAccess], NotificationReader]
    own: tuple[OwnSetting, ...] = ()
    needs_secret: bool = True
