"""The HTML pages: plain forms, rendered on the server, which work without scripts."""

from typing import Final

from flask import Flask

from api.errors import ERROR_PAGE
from api.pages import (
    account,
    alert,
    alerts,
    apps,
    audit,
    blocked,
    buffer_days,
    buffers,
    chat,
    claims,
    consent,
    controls,
    conversion_pairs,
    convert,
    dashboard,
    deposit,
    destinations,
    developer,
    flow,
    flows,
    history,
    home,
    login,
    losses,
    mail,
    operator,
    prices,
    quarantined,
    rendering,
    screening,
    send,
    sweeps,
    wallet_login,
    watched,
    webhooks,
    withdraw,
)
from api.pages.refusals import error_page
from api.version import VERSION

BLUEPRINTS: Final = tuple(
    module.blueprint
    for module in (
        home,
        login,
        deposit,
        withdraw,
        send,
        convert,
        claims,
        history,
        flow,
        flows,
        watched,
        operator,
        dashboard,
        alerts,
        alert,
        controls,
        quarantined,
        buffers,
        buffer_days,
        sweeps,
        losses,
        prices,
        conversion_pairs,
        screening,
        account,
        destinations,
        audit,
        wallet_login,
        consent,
        apps,
        developer,
        webhooks,
        mail,
        blocked,
        chat,
    )
)


def register(app: Flask) -> None:
    """Register the pages, the static files and the error page with an application."""
    rendering.install(app, version=VERSION)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.extensions[ERROR_PAGE] = error_page
