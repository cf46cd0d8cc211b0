"""What gunicorn serves: the pages and the API of this process, put together from its environment after the fork."""

import atexit
import os

from adapters import tracing
from api.app import create_app
from tasks.app import app as celery
from tasks.publisher import CeleryPublisher, impatient
from wiring.container import build_container
from wiring.log_keeper import keep_lines
from wiring.settings import read_settings
from wiring.tallies import requests_of

_container = build_container(read_settings(os.environ), publisher=CeleryPublisher(impatient(celery)))
keep_lines(_container.transaction, _container.now)
_tally = requests_of(_container.transaction)
atexit.register(_tally.flush)
if _container.settings.otlp_endpoint is not None:
    tracing.begin(_container.settings.otlp_endpoint, "strongroom-web")
app = create_app(_container, tally=_tally)
