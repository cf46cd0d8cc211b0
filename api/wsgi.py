"""What gunicorn serves: the application of this process, built from its environment after the fork."""

import os

from api.app import create_app
from wiring.container import build_container
from wiring.settings import read_settings

app = create_app(build_container(read_settings(os.environ)))
