"""How the task engine is set up; rows are the truth and tasks are wake-ups, so everything here may lose a message."""

import os

from domain.queues import KEY_PREFIX as _KEY_PREFIX
from domain.queues import QUEUES as _QUEUES
from tasks.schedule import ROUTES as _ROUTES
from tasks.schedule import beat_schedule as _beat_schedule
from wiring.settings import read_settings

_settings = read_settings(os.environ)

# ---------------------------------------------------------------------------------------------------- broker
# Without an address this module can still be imported, for Celery's tools that ask only which tasks there are.
broker_url = _settings.redis_database(0).reveal() if _settings.redis_url else "redis://127.0.0.1:6379/0"
broker_transport_options = {
    # A message that was taken and not acknowledged for so long is delivered again: longer than any task may run.
    "visibility_timeout": 900,
    # How often to look for such messages; the defaults take about 100 s to notice a dead worker.
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    # Without these a publish waits for ever when Redis vanishes without a word.
    "socket_timeout": 15,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 15,
    "global_keyprefix": _KEY_PREFIX,
}
# Never give up on the broker: a worker that ends after a hundred tries is a worker that somebody has to restart.
broker_connection_max_retries = None
broker_connection_retry_on_startup = True

# --------------------------------------------------------------------------------------------------- results
# Results are rows. A result backend would be a second, forgetful opinion.
result_backend = None
task_ignore_result = True

# --------------------------------------------------------------------------------------------------- queues
task_queues = {name: {"exchange": name, "routing_key": name} for name in _QUEUES}
task_routes = _ROUTES
task_default_queue = "upkeep"
# A misspelt queue must fail where it is written, not fill up where nobody reads.
task_create_missing_queues = False

# --------------------------------------------------------------------------------------------------- tasks
# Only JSON, and in it only ids of rows: a message can then be old, doubled or forged without doing harm.
task_serializer = "json"
accept_content = ["json"]
event_serializer = "json"
# Acknowledged on receipt: the lease on the row redelivers the work, so that a blip of the broker doubles nothing.
task_acks_late = False
# The soft limit lets a task let go of its connection; the hard one replaces a process that is stuck in a library.
task_time_limit = 120
task_soft_time_limit = 90

# -------------------------------------------------------------------------------------------------- workers
# A process takes one message at a time, so that a slow task never sits on others.
worker_prefetch_multiplier = 1
worker_disable_prefetch = True
# On TERM, finish what runs; past this it is given back.
worker_soft_shutdown_timeout = 60
worker_enable_soft_shutdown_on_idle = True
# Whatever leaks, leaks for a while only. A new process is not free: the queue waits while the old one ends its calls.
worker_max_tasks_per_child = 5_000
worker_max_memory_per_child = 300_000  # kilobytes
# Our own formatter serves (see setup_logging in tasks/app.py).
worker_hijack_root_logger = False
worker_redirect_stdouts = False
# For Flower.
worker_send_task_events = True
task_send_sent_event = True

# ----------------------------------------------------------------------------------------------------- beat
beat_schedule = _beat_schedule()
# Every entry is an interval whose task finds out for itself what is due: there is nothing to remember on disk, and
# nothing that two schedulers could fight over.
beat_scheduler = "celery.beat:Scheduler"
beat_max_loop_interval = 1
beat_enable_remote_control = True

enable_utc = True
timezone = "UTC"
