"""The application factory: one Flask application around one container."""

from datetime import datetime
from typing import Final

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from api import auth, demo, docs, dpop, errors, guards, health, lnurl, metrics, oauth, pages, v1, wallet_tools, webhooks
from api.request_context import CONTAINER, Edge, Meter
from api.tracing import Traced
from wiring.container import Container
from wiring.metrics.group import group
from wiring.metrics.house import HouseCollector
from wiring.tallies import Tally

API_PREFIX: Final = "/api/v1"


def create_app(container: Container, *, tally: Tally[datetime] | None = None) -> Flask:
    """The pages and the API of this container, as one WSGI application. Nothing connects before the first request.

    With a tally, requests are counted for the alerts on traffic.
    """
    return bind(unbound(), container, tally=tally)


def unbound() -> Flask:
    """An application with all routes and no container. The slow half of `create_app`."""
    app = Flask("api", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = guards.BODY_BYTES_MAX
    app.config["MAX_FORM_MEMORY_SIZE"] = guards.BODY_BYTES_MAX
    app.config["TRAP_BAD_REQUEST_ERRORS"] = False
    errors.register(app)
    guards.register(app)
    dpop.register(app)
    app.register_blueprint(health.blueprint)
    metrics.register(app)
    app.register_blueprint(webhooks.blueprint)
    app.jinja_env.globals["csrf_token"] = guards.csrf_token
    api = docs.describe(app)
    api.register_blueprint(auth.blueprint)
    api.register_blueprint(lnurl.blueprint)
    api.register_blueprint(demo.blueprint)
    api.register_blueprint(oauth.blueprint)
    api.register_blueprint(wallet_tools.blueprint)
    for blueprint in v1.BLUEPRINTS:
        api.register_blueprint(blueprint, url_prefix=API_PREFIX)
    app.register_blueprint(docs.blueprint)
    pages.register(app)
    return app


def bind(app: Flask, container: Container, *, tally: Tally[datetime] | None = None) -> Flask:
    """Bind an application without a container to this one; returns it."""
    app.extensions[CONTAINER] = container
    guards.settle(app, container.settings)
    metrics.collect(app, *group(), HouseCollector(container))
    _wrap(app, container, metrics.Meter(tally))
    return app


def _wrap(app: Flask, container: Container, meter: Meter) -> None:
    settings = container.settings
    elsewhere = settings.socket_origin if settings.socket_origin != settings.public_url else None
    served = app.wsgi_app if settings.otlp_endpoint is None else Traced(app.wsgi_app)
    wsgi_app = Edge(served, is_https=settings.public_url.startswith("https://"), meter=meter, sockets=elsewhere)
    hops = settings.trusted_proxies
    # Exactly as many hops as there are proxies: with one more a client could forge its address.
    app.wsgi_app = ProxyFix(wsgi_app, x_for=hops, x_proto=hops, x_host=hops) if hops else wsgi_app  # type: ignore[method-assign]
