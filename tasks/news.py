"""Listen to a node's announcements, where it makes any, and have its chain read at once."""

import threading
from typing import Any, Final

import structlog
from celery.signals import worker_ready, worker_shutdown

from domain.node_refusals import ChainError
from domain.ports import Chain
from tasks.app import app, container
from tasks.publisher import CeleryPublisher

log = structlog.get_logger(__name__)

WAIT_S: Final = 1.0
ASK_AGAIN_S: Final = 30.0
QUEUE: Final = "watch"
_stopped = threading.Event()


def listen(chain: Chain, publisher: CeleryPublisher, stopped: threading.Event) -> None:
    """Wake the reader at each announcement, until told to stop. A node that announces nothing is only polled."""
    while not stopped.is_set():
        try:
            news = chain.news()
        except ChainError as error:
            log.info("news_not_heard_yet", chain=chain.rail.chain, code=error.code)
            stopped.wait(ASK_AGAIN_S)
            continue
        if news is None:
            return
        log.info("news_heard", chain=chain.rail.chain)
        while not stopped.is_set():
            if news.wait(WAIT_S):
                publisher.wake(["chains.watch"])
        news.close()


@worker_ready.connect  # type: ignore[untyped-decorator]
def _start(sender: Any = None, **_: object) -> None:
    """One listener for each chain, in workers that read chains."""
    if sender is None or QUEUE not in sender.app.amqp.queues.consume_from:
        return
    publisher = CeleryPublisher(app)
    for chain in container().chains.values():
        threading.Thread(
            target=listen, args=(chain, publisher, _stopped), name=f"news:{chain.rail.chain}", daemon=True
        ).start()


@worker_shutdown.connect  # type: ignore[untyped-decorator]
def _stop(**_: object) -> None:
    _stopped.set()
