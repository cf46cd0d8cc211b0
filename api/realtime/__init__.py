"""The realtime process: Socket.IO for presence, chat, calls and the money feed, apart from the pages."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask

    app: Flask


def __getattr__(name: str) -> Any:
    """`app`, for gunicorn, made when it is first read, which in a worker is after the fork."""
    if name != "app":
        raise AttributeError(name)
    from adapters import tracing
    from api.realtime.application import create_app
    from api.realtime.tracing import SERVICE
    from wiring.container import build_container
    from wiring.settings import read_settings

    settings = read_settings(os.environ)
    if settings.otlp_endpoint is not None:
        tracing.begin(settings.otlp_endpoint, SERVICE)
    return create_app(build_container(settings, listens=True))
