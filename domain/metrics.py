"""Every metric that monitoring can ask for: its name, its meaning, its labels, and which processes report it."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

ASKED: Final = "web, realtime"
CALLING: Final = "web, realtime, workers"
EVERYBODY: Final = "web, realtime, workers, beat"
HOUSE: Final = "web"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric by the name that it has in Prometheus; a counter's ends in `_total`, and the unit is last.

    `told_by` are the processes that answer with it. What `web` alone tells is true of the whole house: with several
    hosts, each says the same.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ()
    told_by: str = HOUSE
    buckets: tuple[float, ...] = ()


REQUESTS: Final = Metric(
    "strongroom_requests_total", "counter", "Responses, by URL pattern, method and status class.",
    ("rule", "method", "status"), ASKED,
)  # fmt: skip
REQUEST_SECONDS: Final = Metric(
    "strongroom_request_seconds", "histogram", "Time until the response began.", ("rule", "method"), ASKED,
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)  # fmt: skip
CALL_SECONDS: Final = Metric(
    "strongroom_call_seconds", "histogram",
    "Duration of calls to nodes, providers and other services; `outcome` is ok, or the error's code or name.",
    ("adapter", "peer", "outcome"), CALLING, (0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 30.0),
)  # fmt: skip
PROCESSES: Final = Metric(
    "strongroom_processes", "gauge", "Processes of this program: the parent and its children.", (), EVERYBODY
)
CPU_SECONDS: Final = Metric(
    "strongroom_cpu_seconds_total",
    "counter",
    "CPU time of these processes and of those that ended.",
    (),
    EVERYBODY,
)
MEMORY_BYTES: Final = Metric(
    "strongroom_memory_bytes", "gauge", "Resident memory of these processes; shared memory counts for each.",
    (), EVERYBODY,
)  # fmt: skip
SOCKETS: Final = Metric("strongroom_sockets", "gauge", "Open sockets of this process.", (), "realtime")

READABLE: Final = Metric(
    "strongroom_readable", "gauge", "1 if this source of the metrics below answered, else 0.", ("source",)
)
USERS: Final = Metric("strongroom_users", "gauge", "Users connected now.")
MESSAGES: Final = Metric("strongroom_messages", "gauge", "Chat messages, in total.")
CHALLENGES: Final = Metric("strongroom_challenges", "gauge", "Unanswered sign-in challenges that are still valid.")
TOKENS: Final = Metric("strongroom_tokens", "gauge", "Valid access tokens of apps.")
QUEUE_LENGTH: Final = Metric("strongroom_queue_length", "gauge", "Messages that no worker has taken yet.", ("queue",))
HEARTBEAT_AGE: Final = Metric(
    "strongroom_heartbeat_age_seconds", "gauge", "Time since the last heartbeat passed through the queue.", ("queue",)
)
OUTBOX_DEPTH: Final = Metric("strongroom_outbox_depth", "gauge", "Outbox tasks not sent to the broker yet.")
OUTBOX_AGE: Final = Metric("strongroom_outbox_oldest_age_seconds", "gauge", "Age of the oldest of them.")
TASKS: Final = Metric(
    "strongroom_tasks_total", "counter", "Tasks run by all workers, up to some seconds ago.",
    ("task", "outcome"),
)  # fmt: skip
TASK_SECONDS: Final = Metric("strongroom_task_seconds_total", "counter", "Their total duration.", ("task", "outcome"))
FLOWS: Final = Metric("strongroom_flows", "gauge", "Flows (movements of money) by state.", ("kind", "state"))
STEP_SECONDS: Final = Metric(
    "strongroom_flow_step_seconds", "gauge", "Usual time that flows of a kind stay in a state.",
    ("kind", "state", "quantile"),
)  # fmt: skip
ALERTS: Final = Metric("strongroom_alerts", "gauge", "Standing alerts.", ("severity",))
ALERT: Final = Metric("strongroom_alert", "gauge", "Standing alerts of one code.", ("code",))
LOOKED_AGE: Final = Metric("strongroom_alerts_looked_age_seconds", "gauge", "Time since alerts were last evaluated.")
LEDGER_SOUND: Final = Metric(
    "strongroom_ledger_sound", "gauge", "1 unless a ledger invariant or a seal is known to be broken."
)
CHECKED_AGE: Final = Metric(
    "strongroom_ledger_checked_age_seconds", "gauge", "Age of the last complete check of the ledger."
)
BUFFER: Final = Metric(
    "strongroom_buffer", "gauge",
    "Last comparison of an asset, in whole units, for charts only: held, booked, and available for payouts.",
    ("asset", "part"),
)  # fmt: skip
BUFFER_OK: Final = Metric(
    "strongroom_buffer_ok", "gauge", "1 if wallet and ledger agreed; absent while unknown.", ("asset",)
)
BUFFER_AGE: Final = Metric("strongroom_buffer_age_seconds", "gauge", "Age of that comparison.", ("asset",))
CHAIN_HEIGHT: Final = Metric("strongroom_chain_height", "gauge", "Height of the last block read.", ("chain",))
CHAIN_LAG: Final = Metric(
    "strongroom_chain_lag_blocks", "gauge", "Blocks that the node has and Strongroom has not read.", ("chain",)
)
CHAIN_AGE: Final = Metric(
    "strongroom_chain_polled_age_seconds", "gauge", "Time since the node was last polled.", ("chain",)
)
CHAIN_FAILING: Final = Metric("strongroom_chain_failing", "gauge", "1 while the node is failing.", ("chain",))
CHAIN_PAUSED: Final = Metric(
    "strongroom_chain_paused", "gauge", "1 while an operator has paused the observer.", ("chain",)
)

METRICS: Final = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            REQUESTS, REQUEST_SECONDS, CALL_SECONDS, PROCESSES, CPU_SECONDS, MEMORY_BYTES, SOCKETS, READABLE, USERS,
            MESSAGES, CHALLENGES, TOKENS, QUEUE_LENGTH, HEARTBEAT_AGE, OUTBOX_DEPTH, OUTBOX_AGE, TASKS, TASK_SECONDS,
            FLOWS, STEP_SECONDS, ALERTS, ALERT, LOOKED_AGE, LEDGER_SOUND, CHECKED_AGE, BUFFER, BUFFER_OK, BUFFER_AGE,
            CHAIN_HEIGHT, CHAIN_LAG, CHAIN_AGE, CHAIN_FAILING, CHAIN_PAUSED,
        )
    }
)  # fmt: skip
