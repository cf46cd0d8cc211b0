"""The JSON API, one noun a module."""

from typing import Final

from api.blueprint import Blueprint
from api.v1 import (
    alerts,
    allowed_destinations,
    assets,
    balances,
    buffers,
    conversations,
    deposit_addresses,
    deposits,
    flows,
    observers,
    operator_deposits,
    operator_verifications,
    operator_withdrawals,
    payment_verifications,
    prices,
    replenishments,
    screening,
    state,
    transactions,
    transfers,
    turn_credentials,
    watch_wallets,
    webhook_endpoints,
    withdrawals,
)

BLUEPRINTS: Final[tuple[Blueprint, ...]] = (
    assets.blueprint,
    balances.blueprint,
    transactions.blueprint,
    deposit_addresses.blueprint,
    deposits.blueprint,
    withdrawals.blueprint,
    allowed_destinations.blueprint,
    transfers.blueprint,
    payment_verifications.blueprint,
    watch_wallets.blueprint,
    webhook_endpoints.blueprint,
    flows.blueprint,
    conversations.blueprint,
    turn_credentials.blueprint,
    operator_withdrawals.blueprint,
    operator_deposits.blueprint,
    operator_verifications.blueprint,
    buffers.blueprint,
    replenishments.blueprint,
    prices.blueprint,
    screening.blueprint,
    state.blueprint,
    alerts.blueprint,
    observers.blueprint,
)
"""Every noun, in the order in which a newcomer meets them."""
