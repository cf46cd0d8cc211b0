"""The realtime process: so far it only says that it lives; Socket.IO moves in here, apart from the pages."""

from flask import Flask, Response, jsonify

app = Flask("realtime", static_folder=None)


@app.get("/health/live")
def live() -> Response:
    """This process answers."""
    return jsonify(status="alive")
