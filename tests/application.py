"""Applications for tests; their routes are built once per process, which takes a tenth of a second."""

from copy import copy
from datetime import datetime
from functools import cache

from flask import Flask

from api.app import bind, unbound
from wiring.container import Container
from wiring.tallies import Tally


def application_of(container: Container, tally: Tally[datetime] | None = None) -> Flask:
    """As `create_app`, but sharing routes and templates with all others made here.

    Flask therefore refuses further routes: a test that needs one calls `create_app` itself.
    """
    made = copy(_addresses())
    made.config, made.extensions = copy(made.config), dict(made.extensions)
    return bind(made, container, tally=tally)


@cache
def _addresses() -> Flask:
    made = unbound()
    made._got_first_request = True
    return made
