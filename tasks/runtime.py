"""Put a task process together."""

import os

from celery import Celery

from tasks.publisher import CeleryPublisher
from wiring.container import Container, build_container
from wiring.settings import Settings, read_settings


def build(app: Celery) -> Container:
    """The container of a task process, from its environment."""
    return build_container(settings(), publisher=CeleryPublisher(app))


def settings() -> Settings:
    """What this process was told."""
    return read_settings(os.environ)


def worker_name() -> str:
    """Who holds a lease: enough to find the process."""
    return f"{os.uname().nodename}:{os.getpid()}"
