"""Applications for tests: their addresses are put together once for each process, which takes a tenth of a second."""

from copy import copy
from datetime import datetime
from functools import cache

from flask import Flask

from api.app import bind, unbound
from wiring.container import Container
from wiring.tallies import Tally


def application_of(container: Container, tally: Tally[datetime] | None = None) -> Flask:
    """What `create_app` makes, except that it shares its addresses and templates with all others made here.

    Flask therefore refuses to add any: who needs one more makes an application of their own.
    """
    made = copy(_addresses())
    made.config, made.extensions = copy(made.config), dict(made.extensions)
    return bind(made, container, tally=tally)


@cache
def _addresses() -> Flask:
    made = unbound()
    made._got_first_request = True
    return made
