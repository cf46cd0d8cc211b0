"""What gunicorn serves, put together from the environment: `wsgi:web()` and `wsgi:realtime()`."""

import os

from flask import Flask

from wiring.container import Container, build_container
from wiring.settings import read_settings


def web() -> Flask:
    """Pages, API and sign-in."""
    from api.app import create_app

    return create_app(_container())


def realtime() -> Flask:
    """Socket.IO: one worker each, any number of processes."""
    from api.realtime import create_app

    return create_app()


def _container() -> Container:
    from tasks.app import app as celery
    from tasks.publisher import CeleryPublisher

    return build_container(read_settings(os.environ), publisher=CeleryPublisher(celery))
