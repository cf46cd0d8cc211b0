"""Whatever Circle tells, in whatever order and however often, the books end the same."""

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.circle.house import FEE, USDC, House
from tests.fakes.circle import FakeCircle

MOVES = ("settle_in", "tell_in", "tell_in_late", "settle_out", "tell_out", "forge", "collect", "process", "follow")


@pytest.mark.parametrize("fate", ["complete", "failed"])
@given(moves=st.lists(st.sampled_from(MOVES), max_size=12))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_order_of_events_ends_in_the_same_books(
    house: House, circle: FakeCircle, fate: str, moves: Sequence[str]
) -> None:
    house.refill()
    payer, payee = house.funded("100.00"), house.user()
    incoming = circle.arrives(house.address(payee), "9.00", "pending")
    early = circle.relayed(incoming)
    before = len(circle.outgoing())
    house.withdraw(payer)
    house.pay()
    [outgoing] = [told["id"] for told in circle.outgoing()[before:]]
    steps = {
        "settle_in": lambda: circle.decides(incoming, fate),
        "tell_in": lambda: house.post(circle.relayed(incoming)),
        "tell_in_late": lambda: house.post(early),
        "settle_out": lambda: circle.decides(outgoing, fate),
        "tell_out": lambda: house.post(circle.relayed(outgoing)),
        "forge": lambda: house.post(circle.relayed(incoming)._replace(headers={"X-Webhook-Signature": "00"})),
        "collect": house.collect,
        "process": house.process,
        "follow": house.follow,
    }
    for move in moves:
        steps[move]()
    circle.decides(incoming, fate)
    circle.decides(outgoing, fate)
    house.sweep()
    house.sweep()
    succeeded = fate == "complete"
    assert house.balance(payee) == (9 * USDC if succeeded else 0, 0)
    assert house.balance(payer) == ((80 * USDC - FEE) if succeeded else 100 * USDC, 0)
    assert house.compare() == "ok"
    assert house.standing() <= {"webhook_signature_failures"}
