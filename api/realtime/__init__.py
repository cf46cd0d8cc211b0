"""The realtime process: so far it is only alive; Socket.IO events are served from here."""

from flask import Flask, Response


def create_app() -> Flask:
    """The application of a realtime process, which shares nothing with the web process but the database and Redis."""
    app = Flask("realtime", static_folder=None)

    @app.get("/health/live")
    def live() -> Response:
        """Whether the process answers at all."""
        return Response('{"status":"ok"}\n', mimetype="application/json")

    return app
