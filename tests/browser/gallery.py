"""A tiny application that shows the example pages under the same content policy as the real one."""

from pathlib import Path

from flask import Flask, Response

import api
from api.pages import qr
from api.pages.rendering import install, render
from api.request_context import CONTENT_SECURITY_POLICY
from tests.browser.facts import ADDRESS, NOW, VISITOR
from tests.browser.samples import SAMPLES


def create_gallery() -> Flask:
    app = Flask("gallery", template_folder=str(Path(api.__file__).parent / "templates"), static_folder=None)
    install(app, version="0.1.0")
    app.jinja_env.globals["csrf_token"] = lambda: "token"

    @app.get("/sample/<name>")
    def sample(name: str) -> Response:
        template, signed_in, values = SAMPLES[name]
        return render(template, now=NOW, visitor=VISITOR if signed_in else None, **values())

    @app.get("/login/wallet/<address_id>/qr.svg")
    @app.get("/deposit/<address_id>/qr.svg")
    def code(address_id: str) -> Response:
        return Response(qr.drawn(f"bitcoin:{ADDRESS}"), mimetype="image/svg+xml")

    @app.get("/")
    @app.route("/<path:polled>", methods=["GET", "POST"])
    def unchanged(polled: str = "") -> Response:
        """What a page reads again: nothing new."""
        return Response(status=204)

    @app.after_request
    def policy(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response

    return app
