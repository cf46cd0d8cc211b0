"""How gunicorn serves both roles: `web` as it stands here, `realtime` with its own --bind and a single worker."""

import logging
import os
import signal
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from wiring.database import cooperate_with_gevent
from wiring.leaving import leave_at_once
from wiring.logging import configure_logging
from wiring.metrics import shared
from wiring.settings import read_settings

settings = read_settings(os.environ)
leave_at_once()

bind = f"{settings.host}:{settings.web_port}"
workers = settings.web_workers
# Requests wait for PostgreSQL most of their time; greenlets make waiting cheap, and Socket.IO needs them.
worker_class = "gevent"
worker_connections = 1000
# A worker that does not give its event loop a turn for so long is stuck, not busy.
timeout = 60
# Longer than the longest statement may take, so that a deployment cuts nobody off.
graceful_timeout = 30
# Behind a proxy: longer than the proxy's own, or it would now and then send a request into a closing connection.
# Without one: short, because a stop waits for browsers that keep an idle connection.
keepalive = 75 if settings.trusted_proxies else 3
# gunicorn touches a file to show that a worker lives: in memory, so that a slow disk kills nobody.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - only a heartbeat's file
# Which proxies may say how the client came is decided by ProxyFix, which counts hops; gunicorn believes nobody.
forwarded_allow_ips = ""
control_socket_disable = True
pythonpath = str(Path(__file__).resolve().parent)


class StructuredLogger(Logger):  # type: ignore[misc]  # gunicorn is not typed
    """gunicorn's own lines in the same form as everybody's; requests are logged by the application."""

    def setup(self, cfg: Any) -> None:
        """Send gunicorn's lines to the root logger."""
        configure_logging(settings)
        self.error_log = logging.getLogger("gunicorn.error")
        self.error_log.handlers[:] = []
        self.error_log.propagate = True
        self.error_log.setLevel(settings.log_level.upper())
        self.access_log.handlers[:] = []
        self.access_log.propagate = False
        self.cfg = cfg


logger_class = StructuredLogger


def on_starting(_server: Any) -> None:
    """Have the workers share what they count, before there are any."""
    shared.share(settings.var_dir, "gunicorn")


def child_exit(_server: Any, worker: Any) -> None:
    """Keep what a worker counted that ended."""
    shared.gone(worker.pid)


def on_exit(_server: Any) -> None:
    """Leave nothing behind."""
    shared.leave()


def post_fork(_server: Any, _worker: Any) -> None:
    """Prepare a worker before it loads the application: only now is it a process of its own."""
    # It still has its master's handlers, which would note for a master that it is not, and forget, that it is to stop:
    # the real master would wait for it until its patience ends. Its own handlers follow in a moment.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    cooperate_with_gevent()
