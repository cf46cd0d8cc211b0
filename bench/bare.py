"""The floor of every request: one Flask view that answers a constant."""

from flask import Flask, Response

app = Flask(__name__, static_folder=None)


@app.get("/")
def constant() -> Response:
    """As much body as a balance has."""
    return Response(b'{"items":[{"asset":"rLTC","available":"0","held":"0"}]}', mimetype="application/json")
