"""Every alert as data: what it means, when it fires, what usually causes it and what to do."""

from types import MappingProxyType
from typing import Final

from domain.alert_rule import HOUR, MINUTE, ROUND, AlertRule
from domain.alerts_in_place import IN_PLACE

__all__ = ["NODATA_AFTER", "RULES", "AlertRule"]

NODATA_AFTER: Final = MINUTE
"""How long a rule may be without an answer before that is an alert itself."""

_NODE: Final = ("chain_source_stale",)

_MONEY: Final = (
    AlertRule(
        "inventory_snapshot_stale", "warning", "asset:<asset>", threshold=300, hold_for=MINUTE, inhibited_by=_NODE,
        meaning="No wallet of an asset has been compared with the ledger for 300 s.",
        cause="The node does not answer, or no worker consumes the queue `upkeep`.",
        what_to_do="Check the node and the workers. The comparison resumes automatically.",
    ),
    AlertRule(
        "funding_seen_unconfirmed", "info", "deposit:<id>", threshold=1800, inhibited_by=_NODE,
        meaning="A deposit was seen 1800 s ago and is not in a block yet.",
        cause="The sender pays too low a fee, or replaced the transaction.",
        what_to_do="Nothing, unless its owner asks: it will confirm or be replaced.",
    ),
    AlertRule(
        "funding_confirmed_credit_pending", "warning", "deposit:<id>", hold_for=2 * MINUTE, inhibited_by=_NODE,
        meaning="A deposit has all its confirmations but was not credited within two minutes.",
        cause="Screening does not answer, or no worker consumes the queue `money`.",
        what_to_do="The flow's page shows what it waits for.",
    ),
    AlertRule(
        "funding_stuck", "warning", "deposit:<id>", threshold=14_400, inhibited_by=_NODE,
        meaning="A deposit has been confirming for 14400 s.",
        cause="Blocks are slow, or its block is no longer on the main chain.",
        what_to_do="Compare its block with another node's.",
    ),
    AlertRule(
        "executor_submission_failed", "warning", "payout:<id>", clear_for=ROUND, inhibited_by=_NODE,
        meaning="The network did not accept a signed payment.",
        cause="The node rejected it or was unreachable.",
        what_to_do="The flow's page shows the node's answer. The same signed payment is broadcast again automatically.",
    ),
    AlertRule(
        "flow_stuck", "warning", "flow:<id>", inhibited_by=_NODE,
        meaning="A movement of money has been in one state for longer than that state allows.",
        cause="It waits for an approval, a block or a worker.",
        what_to_do="The flow's page shows what it waits for and who can decide.",
    ),
    AlertRule(
        "deposit_processing_failure", "critical", "deposits:all", threshold=5, clear_for=MINUTE,
        meaning="More than 5 attempts to process deposits failed within five minutes.",
        cause="A bug, or the database refuses a write.",
        what_to_do="Read the error log lines of the tasks `deposits.*`.",
    ),
    AlertRule(
        "withdrawal_stuck", "critical", "withdrawals:all", threshold=10, clear_for=MINUTE,
        meaning="More than 10 withdrawals have been open for 30 minutes without being sent.",
        cause="Nobody approves, the hot wallet is empty, or withdrawals are paused.",
        what_to_do="Approve the waiting withdrawals, fund the wallet, or resume withdrawals.",
    ),
    AlertRule(
        "seal_broken", "critical", "ledger:seals", every=5 * MINUTE,
        meaning="Ledger rows no longer match their seal.",
        cause="Somebody altered the database outside the application.",
        what_to_do="Pause withdrawals. `python -m cli ledger verify` names the row; restore it from a backup.",
    ),
)  # fmt: skip

_HOUSE: Final = (
    AlertRule(
        "dependency_down", "critical", "redis:<host>, queue:<name>", threshold=60, hold_for=2 * ROUND, clear_for=ROUND,
        meaning="Redis does not answer, or a queue has processed nothing for 60 s, or nothing ever.",
        cause="Redis, or the workers of that queue, are down.",
        what_to_do="Start it again. Nothing was lost: all work is stored in PostgreSQL.",
    ),
    AlertRule(
        "disk_low", "critical", "disk:<host>", threshold=10, hold_for=MINUTE, clear_for=MINUTE,
        meaning="Less than 10 % of the disk is free.",
        cause="Logs, backups or the database grew.",
        what_to_do="Free space before PostgreSQL has to stop.",
    ),
    AlertRule(
        "memory_high", "warning", "memory:<host>", threshold=90, hold_for=5 * MINUTE, clear_for=MINUTE,
        meaning="More than 90 % of the memory has been in use for five minutes.",
        cause="Too many processes for this host.",
        what_to_do="Run fewer workers on this host, or add hosts.",
    ),
    AlertRule(
        "certificate_expiring", "warning", "certificate:<host>", threshold=14, every=HOUR,
        meaning="The certificate of the public address expires within 14 days.",
        cause="Its renewal did not run.",
        what_to_do="Renew it and reload nginx.",
    ),
    AlertRule(
        "login_failures", "warning", "logins:all", threshold=20, clear_for=5 * MINUTE,
        meaning="More than 20 sign-ins failed within five minutes.",
        cause="Somebody is trying keys, or a wallet produces wrong signatures.",
        what_to_do="The audit log has the IP addresses. Rate limits apply meanwhile.",
    ),
    AlertRule(
        "token_issuance_unusual", "warning", "tokens:all", threshold=100, clear_for=5 * MINUTE,
        meaning="More than 100 access tokens were issued within five minutes, ten times the rate of the hour before.",
        cause="An app requests a token for every call, or a client secret was stolen.",
        what_to_do="The audit log names the client; disable it.",
    ),
)  # fmt: skip

_TRAFFIC: Final = (
    AlertRule(
        "api_error_rate", "critical", "api:all", threshold=5, hold_for=ROUND, clear_for=2 * MINUTE,
        meaning="More than 5 % of the requests of the last five minutes were answered with a server error (5xx).",
        cause="A bug, or a service that requests depend on does not answer.",
        what_to_do="The error log lines of `web` name the failing paths; `/health` shows what is down.",
    ),
    AlertRule(
        "api_slow", "warning", "api:all", threshold=1, hold_for=MINUTE, clear_for=2 * MINUTE,
        meaning="Requests of the last five minutes took more than 1 s on average.",
        cause="PostgreSQL is slow, or there are too few web processes for the load.",
        what_to_do="The dashboard's latencies show where. Add web processes, or find the slow statement.",
    ),
    AlertRule(
        "conversion_failures", "warning", "conversions:all", threshold=10, clear_for=MINUTE,
        meaning="More than 10 conversions failed within an hour.",
        cause="A price moves fast or is stale, or too little is set aside of the assets that users buy.",
        what_to_do="`/operator/conversions` shows what is missing; users have their money back. `python -m cli "
        "conversion fund` sets more aside.",
    ),
)  # fmt: skip

RULES: Final = MappingProxyType({rule.code: rule for rule in (*IN_PLACE, *_MONEY, *_HOUSE, *_TRAFFIC)})
