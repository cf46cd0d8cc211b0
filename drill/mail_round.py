"""Whoever carries a custodian's notifications to the house: each in its own time, so that they overtake one another."""

import random
import threading
import time
from queue import Empty, PriorityQueue
from typing import Final

import httpx

from drill.outside import CUSTODIAN
from tests.fakes.circle import Delivery

LATE_S_MAX: Final = 5.0
TIMEOUT_S: Final = 5.0


class MailRound:
    """One thread that posts. What finds nobody is lost, as if it had never been sent: the house has to look itself."""

    def __init__(self, seed: int) -> None:
        self.url = ""
        self.posted = self.lost = 0
        self._chance = random.Random(seed)
        self._waiting: PriorityQueue[tuple[float, int, Delivery]] = PriorityQueue()
        self._number = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mail-round")

    def post(self, delivery: Delivery) -> None:
        """Have it arrive within seconds."""
        self._number += 1
        due_at = time.monotonic() + self._chance.uniform(0.0, LATE_S_MAX)
        self._waiting.put((due_at, self._number, delivery))

    def start(self, url: str) -> None:
        """Begin to post to this house."""
        self.url = url
        self._thread.start()

    def stop(self) -> None:
        """Post nothing more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with httpx.Client(base_url=self.url, timeout=TIMEOUT_S) as client:
            while not self._stop.is_set():
                try:
                    due_at, number, delivery = self._waiting.get(timeout=0.2)
                except Empty:
                    continue
                if due_at > time.monotonic():
                    self._waiting.put((due_at, number, delivery))
                    self._stop.wait(0.05)
                    continue
                self._post_one(client, delivery)

    def _post_one(self, client: httpx.Client, delivery: Delivery) -> None:
        path = f"/webhooks/{CUSTODIAN}/{delivery.topic}"
        try:
            client.post(path, content=delivery.body, headers=dict(delivery.headers))
            self.posted += 1
        except httpx.TransportError:
            self.lost += 1
