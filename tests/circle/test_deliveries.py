"""Ten thousand deliveries, three of each, shuffled, one in ten forged: each genuine event has effect once."""

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from typing import Final

import pytest

from models.deposit import Deposit
from models.webhook import ReceivedNotification
from services import notifications_in
from tests.circle.house import NAME, USDC, House
from tests.fakes.circle import Delivery, FakeCircle

DELIVERIES: Final = 10_000
FORGED: Final = DELIVERIES // 10
EVENTS: Final = (DELIVERIES - FORGED) // 3
TOLD: Final = 10
"""So many events tell of one transfer, for asking Circle about each is not what is tried here."""
TRANSFERS: Final = EVENTS // TOLD
THREADS: Final = 3


@pytest.mark.long
def test_ten_thousand_deliveries_have_their_effect_once(house: House, circle: FakeCircle) -> None:
    mixing = random.Random(7)
    people = [house.user() for _ in range(4)]
    where = {user_id: house.address(user_id, network) for user_id, network in zip(people, _networks(), strict=True)}
    told = {circle.arrives(where[people[place % 4]], "2.00"): people[place % 4] for place in range(TRANSFERS)}
    genuine = [circle.notification(transfer_id) for transfer_id in told for _ in range(TOLD)]
    forged = [circle.forged(transfer_id) for transfer_id in told]
    assert house.post(circle.notification("none")) == 200
    house.process()
    deliveries = [*(genuine * 3), *islice(cycle(forged), FORGED)]
    mixing.shuffle(deliveries)
    started = time.perf_counter()
    statuses = Counter(_posted(house, deliveries))
    took = time.perf_counter() - started
    assert statuses == {200: DELIVERIES - FORGED, 401: FORGED}
    assert house.count(ReceivedNotification) == len(genuine) + 1
    house.process()
    assert house.process() == 0
    assert house.count(Deposit) == TRANSFERS
    assert {house.balance(user_id) for user_id in people} == {(TRANSFERS // 4 * 2 * USDC, 0)}
    with house.container.reading() as session:
        assert notifications_in.refused(session, NAME, now=house.container.now()) == FORGED
    assert house.compare() == "ok"
    assert house.standing() == {"webhook_signature_failures"}
    print(f"{DELIVERIES / took:.0f} deliveries a second")


def _networks() -> list[str]:
    return ["ETH", "SOL", "POLY", "AVAX"]


def _posted(house: House, deliveries: list[Delivery]) -> list[int]:
    """Every answer's status, from several threads at once."""
    application = house.client.application

    def post(part: list[Delivery]) -> list[int]:
        client = application.test_client()
        return [
            client.post(f"/webhooks/{NAME}/transfers", data=one.body, headers=dict(one.headers)).status_code
            for one in part
        ]

    with ThreadPoolExecutor(THREADS) as pool:
        parts = pool.map(post, [deliveries[first::THREADS] for first in range(THREADS)])
        return [status for part in parts for status in part]
