"""Which families of providers there are: the one place where a new adapter is named."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from adapters.circle.family import FAMILY as CIRCLE
from adapters.flutterwave.family import FAMILY as FLUTTERWAVE
from domain.provider_family import ProviderFamily

_FAMILIES: Final[dict[str, ProviderFamily]] = {
    "circle": CIRCLE,
    "flutterwave": FLUTTERWAVE,
}
FAMILIES: Final[Mapping[str, ProviderFamily]] = MappingProxyType(_FAMILIES)
"""Every family by the name that its rows in `domain/providers.py` give it."""
