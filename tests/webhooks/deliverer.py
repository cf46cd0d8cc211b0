"""A process that sends what is due: `python -m tests.webhooks.deliverer`."""

import os

from tasks import webhooks
from tasks.couriers import Couriers
from wiring.container import build_container
from wiring.settings import read_settings


def main() -> None:
    couriers = Couriers("test", count=1)
    webhooks.send_due(build_container(read_settings(os.environ), chains={}), couriers)
    couriers.await_all()


if __name__ == "__main__":
    main()
