"""The parts of a task process."""

import os

from celery import Celery

from tasks.publisher import CeleryPublisher
from wiring.container import Container, build_container
from wiring.settings import Settings, read_settings


def build(app: Celery) -> Container:
    """The container of a task process, from its environment."""
    return build_container(settings(), publisher=CeleryPublisher(app))


def settings() -> Settings:
    """The settings of this process."""
    return read_settings(os.environ)


def worker_name() -> str:
    """The name under which this process holds leases: enough to find it."""
    return f"{os.uname().nodename}:{os.getpid()}"
