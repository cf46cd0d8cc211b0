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
    "strongroom_requests_total", "counter", "Answers, by the address's pattern, method and class of status.",
    ("rule", "method", "status"), ASKED,
)  # fmt: skip
REQUEST_SECONDS: Final = Metric(
    "strongroom_request_seconds", "histogram", "How long until an answer began.", ("rule", "method"), ASKED,
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)  # fmt: skip
CALL_SECONDS: Final = Metric(
    "strongroom_call_seconds", "histogram",
    "How long somebody outside took to answer a call; `outcome` is ok, or the code or name of what went wrong.",
    ("adapter", "peer", "outcome"), CALLING, (0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 30.0),
)  # fmt: skip
PROCESSES: Final = Metric(
    "strongroom_processes", "gauge", "Processes of this program: the one that forks, and its children.", (), EVERYBODY
)
CPU_SECONDS: Final = Metric(
    "strongroom_cpu_seconds_total",
    "counter",
    "Computed by these processes and those that ended.",
    (),
    EVERYBODY,
)
MEMORY_BYTES: Final = Metric(
    "strongroom_memory_bytes", "gauge", "What these processes hold in memory; what they share is counted for each.",
    (), EVERYBODY,
)  # fmt: skip
SOCKETS: Final = Metric(
    "strongroom_sockets", "gauge", "Sockets that somebody holds open to this process.", (), "realtime"
)

READABLE: Final = Metric(
    "strongroom_readable", "gauge", "Whether this source of what follows answered: 1 or 0.", ("source",)
)
USERS: Final = Metric("strongroom_users", "gauge", "People who are connected now.")
MESSAGES: Final = Metric("strongroom_messages", "gauge", "What people have said to each other, in messages.")
CHALLENGES: Final = Metric("strongroom_challenges", "gauge", "Sign-ins under way: questions that may yet be answered.")
TOKENS: Final = Metric("strongroom_tokens", "gauge", "Access tokens of apps that are in force.")
QUEUE_LENGTH: Final = Metric("strongroom_queue_length", "gauge", "Messages that no worker has taken yet.", ("queue",))
HEARTBEAT_AGE: Final = Metric(
    "strongroom_heartbeat_age_seconds", "gauge", "Since something last came out at the end of a queue.", ("queue",)
)
OUTBOX_DEPTH: Final = Metric("strongroom_outbox_depth", "gauge", "Promised tasks that no broker has taken yet.")
OUTBOX_AGE: Final = Metric("strongroom_outbox_oldest_age_seconds", "gauge", "Since the oldest of them was promised.")
TASKS: Final = Metric(
    "strongroom_tasks_total", "counter", "Tasks that were run by all workers, seconds ago or earlier.",
    ("task", "outcome"),
)  # fmt: skip
TASK_SECONDS: Final = Metric("strongroom_task_seconds_total", "counter", "What they took in all.", ("task", "outcome"))
FLOWS: Final = Metric("strongroom_flows", "gauge", "Movements of money by the state they are in.", ("kind", "state"))
STEP_SECONDS: Final = Metric(
    "strongroom_flow_step_seconds", "gauge", "How long flows of a kind usually stay in a state.",
    ("kind", "state", "quantile"),
)  # fmt: skip
ALERTS: Final = Metric("strongroom_alerts", "gauge", "Alerts that stand.", ("severity",))
ALERT: Final = Metric("strongroom_alert", "gauge", "Alerts of one code that stand.", ("code",))
LOOKED_AGE: Final = Metric("strongroom_alerts_looked_age_seconds", "gauge", "Since alerts were last looked for.")
LEDGER_SOUND: Final = Metric(
    "strongroom_ledger_sound", "gauge", "1 unless an invariant of the books or a seal is known to be broken."
)
CHECKED_AGE: Final = Metric(
    "strongroom_ledger_checked_age_seconds", "gauge", "Since all of the books had last been looked at."
)
BUFFER: Final = Metric(
    "strongroom_buffer", "gauge",
    "What was last read of an asset, in whole units and for drawing only: held, booked, and ready to be paid out.",
    ("asset", "part"),
)  # fmt: skip
BUFFER_OK: Final = Metric("strongroom_buffer_ok", "gauge", "Whether that agreed; absent while unknown.", ("asset",))
BUFFER_AGE: Final = Metric("strongroom_buffer_age_seconds", "gauge", "Since that was read.", ("asset",))
CHAIN_HEIGHT: Final = Metric(
    "strongroom_chain_height", "gauge", "The last block whose contents are on record.", ("chain",)
)
CHAIN_LAG: Final = Metric(
    "strongroom_chain_lag_blocks", "gauge", "Blocks that the node has and we have not.", ("chain",)
)
CHAIN_AGE: Final = Metric("strongroom_chain_polled_age_seconds", "gauge", "Since the node was last asked.", ("chain",))
CHAIN_FAILING: Final = Metric("strongroom_chain_failing", "gauge", "1 while the node fails us.", ("chain",))
CHAIN_PAUSED: Final = Metric("strongroom_chain_paused", "gauge", "1 while an operator has paused it.", ("chain",))

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
