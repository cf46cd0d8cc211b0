"""Which function evaluates each rule."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from domain.alert_states import Reading
from services.alerts import house_sources, money_sources, traffic_sources
from services.alerts.evaluation import Evaluation

Source = Callable[[Evaluation], Iterable[Reading]]

SOURCES: Final[Mapping[str, Source]] = MappingProxyType(
    {
        "inventory_snapshot_stale": money_sources.inventory,
        "funding_seen_unconfirmed": money_sources.unconfirmed,
        "funding_confirmed_credit_pending": money_sources.uncredited,
        "funding_stuck": money_sources.confirming,
        "executor_submission_failed": money_sources.unsent,
        "flow_stuck": money_sources.stuck,
        "deposit_processing_failure": money_sources.failures,
        "withdrawal_stuck": money_sources.waiting,
        "seal_broken": money_sources.seals,
        "dependency_down": house_sources.dependencies,
        "disk_low": house_sources.disk,
        "memory_high": house_sources.memory,
        "certificate_expiring": house_sources.certificate,
        "login_failures": house_sources.logins,
        "token_issuance_unusual": house_sources.tokens,
        "api_error_rate": traffic_sources.errors,
        "api_slow": traffic_sources.slowness,
        "conversion_failures": traffic_sources.conversions,
    }
)
"""A scope that a source does not mention counts as well; a source that cannot answer raises, or reports a scope as
`unknown`."""
