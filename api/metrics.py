"""This process's Prometheus metrics, and the counting of its requests."""

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Flask, Response, current_app, request

from adapters import instruments
from api.guards import monitored
from domain import metrics
from wiring.metrics import exposition
from wiring.tallies import Tally, this_minute

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

REGISTRY: Final = "strongroom.metrics"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SOCKETS: Final = "/socket.io/"
_NO_RULE: Final = "unmatched"
# What looks whether we are well, or for holes: among so much of it, real requests that fail would look like few.
_ASIDE: Final = ("/health", "/metrics", "/static/", _SOCKETS, _NO_RULE)

blueprint = Blueprint("metrics", __name__)


def register(app: Flask, *collectors: Any) -> None:
    """Serve the metrics of `app` and of these collectors."""
    collect(app, *collectors)
    app.register_blueprint(blueprint)


def collect(app: Flask, *collectors: Any) -> None:
    """Add collectors to an application that serves metrics already."""
    app.extensions[REGISTRY] = exposition.registry(*collectors)


@blueprint.get(exposition.PATH)
@monitored
def show() -> Response:
    """The metrics of this process and, in the web process, of the whole installation; for the monitoring only."""
    body, content_type = exposition.exposition(current_app.extensions[REGISTRY], request.headers.get("Accept"))
    return Response(body, content_type=content_type)


class Meter:
    """Counts answers: by route for Prometheus, and in sum for the alerts on traffic."""

    def __init__(self, tally: Tally[datetime] | None = None, *, paths: Collection[str] = ()) -> None:
        """`paths` are addresses that are their own pattern, for an application whose requests leave no trace here."""
        self._tally = tally
        self._paths = frozenset(paths)
        # By what is known to be little: patterns, methods, classes of status. What a client makes up is one of them.
        self._counted: dict[tuple[str, str, str], tuple[Any, Any]] = {}

    def __call__(self, environ: "WSGIEnvironment", status: str, seconds: float) -> None:
        """Count one answer, which began after `seconds`."""
        rule, method = self._rule(environ), environ["REQUEST_METHOD"]
        key = (rule, method if method in _METHODS else "other", status[0])
        found = self._counted.get(key)
        if found is None:
            found = self._counted[key] = _instruments(*key)
        answers, durations = found
        answers.inc()
        if rule != _SOCKETS:  # where waiting is the purpose
            durations.observe(seconds)
        if self._tally is not None and not rule.startswith(_ASIDE):
            self._tally.count(this_minute(), duration_s=seconds, is_error=status[0] == "5")

    def _rule(self, environ: "WSGIEnvironment") -> str:
        # Flask's request leaves itself here; Socket.IO answers before there is one, and hands on a copy.
        asked = environ.get("werkzeug.request")
        if asked is not None and asked.url_rule is not None:
            return str(asked.url_rule.rule)
        path = environ.get("PATH_INFO", "")
        return path if path in self._paths else _SOCKETS if path.startswith(_SOCKETS) else _NO_RULE


def _instruments(rule: str, method: str, status: str) -> tuple[Any, Any]:
    return (
        instruments.counter(metrics.REQUESTS).labels(rule, method, f"{status}xx"),
        instruments.histogram(metrics.REQUEST_SECONDS).labels(rule, method),
    )
