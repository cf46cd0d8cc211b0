"""Every rail that there is, whichever family it belongs to."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from domain.claim_rails import CLAIM_RAILS
from domain.evm.networks import EVM_NETWORKS
from domain.networks import NETWORKS
from domain.providers import PROVIDERS
from domain.rail_rows import RailRow

_FAMILIES: Final[tuple[Mapping[str, RailRow], ...]] = (NETWORKS, EVM_NETWORKS, PROVIDERS, CLAIM_RAILS)

_BY_NAME: Final[dict[str, RailRow]] = {chain: row for family in _FAMILIES for chain, row in family.items()}
RAILS: Final[Mapping[str, RailRow]] = MappingProxyType(_BY_NAME)
"""Every rail by its id. What is not an adapter of a family looks rails up here and nowhere else."""
