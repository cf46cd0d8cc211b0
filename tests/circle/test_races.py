"""Several workers at the same work of Circle's: each thing happens once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from models.deposit import Deposit
from models.payout import Payout
from models.webhook import ReceivedNotification
from tests.circle.house import FEE, USDC, House
from tests.fakes.circle import FakeCircle

WORKERS = 4


def all_at_once(*work: Callable[[], object]) -> None:
    """Do each of these in `WORKERS` threads that start together."""
    together = Barrier(WORKERS * len(work))

    def run(one: Callable[[], object]) -> None:
        together.wait()
        one()

    with ThreadPoolExecutor(WORKERS * len(work)) as pool:
        for done in [pool.submit(run, one) for one in work for _ in range(WORKERS)]:
            done.result()


def test_many_workers_ask_for_a_withdrawal_once(house: House, circle: FakeCircle) -> None:
    user_id = house.funded()
    for _ in range(3):
        house.withdraw(user_id)
    all_at_once(house.pay, house.follow)
    house.sweep()
    assert (house.count(Payout), len(circle.outgoing())) == (3, 3)
    assert circle.server.count("POST /v1/transfers") == 3
    for transfer in circle.outgoing():
        circle.decides(transfer["id"], "complete", fee="0.10")
    house.travel()
    all_at_once(house.follow, house.follow)
    house.sweep()
    assert house.balance(user_id) == (440 * USDC - 3 * FEE, 0)
    assert (house.compare(), house.standing()) == ("ok", set())


def test_hints_and_polls_at_once_credit_once(house: House, circle: FakeCircle) -> None:
    user_id = house.user()
    told = [circle.arrives(house.address(user_id), "4.00") for _ in range(5)]
    deliveries = [circle.relayed(transfer_id) for transfer_id in told]
    for delivery in deliveries:
        house.post(delivery)
    all_at_once(house.process, house.collect)
    house.sweep()
    assert (house.count(Deposit), house.count(ReceivedNotification)) == (5, 5)
    assert house.balance(user_id) == (20 * USDC, 0)
    assert (house.compare(), house.standing()) == ("ok", set())
