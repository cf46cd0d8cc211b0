"""The real application with two more addresses: what it sees of who asks, and a stream."""

import time
from collections.abc import Iterator

from flask import Response, jsonify, request

from api.guards import public
from tests.front_door.ticks import TICK_EVERY_S, TICKS
from wsgi import app


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
