"""The real application with two more addresses: what it sees of who asks, and a stream."""

import time
from collections.abc import Iterator

from flask import Response, jsonify, request

from api.guards import public
from wsgi import app

TICKS = 3
TICK_EVERY_S = 0.4


@app.get("/api/seen")
@public
def seen() -> Response:
    """Who asks, as the application takes it."""
    return jsonify(
        address=request.remote_addr,
        scheme=request.scheme,
        host=request.host,
        headers={
            name: value for name, value in request.headers.items() if name.startswith(("X-", "Forwarded", "Proxy"))
        },
    )


@app.get("/api/v1/streams/ticks")
@public
def ticks() -> Response:
    """Server-Sent Events, one by one."""

    def events() -> Iterator[str]:
        for number in range(TICKS):
            yield f"id: {number}\ndata: {{}}\n\n"
            time.sleep(TICK_EVERY_S)

    return Response(events(), mimetype="text/event-stream")
