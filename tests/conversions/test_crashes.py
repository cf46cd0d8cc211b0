"""Processes that die at any marked step of a conversion: it is carried out once, or given back once."""

import signal

import pytest

from tests.conversions.desk import BOUGHT, COIN, LEASE_IS_OVER, SOLD_PRICE, Desk
from tests.crash.test_crashes import OF_A_CONVERSION
from tests.dying import die_at

KILLED = -signal.SIGKILL


@pytest.mark.parametrize("fails", [False, True], ids=["completed", "failed"])
@pytest.mark.parametrize("crash_at", OF_A_CONVERSION)
def test_a_conversion_comes_to_rest_once_whenever_its_worker_dies(desk: Desk, crash_at: str, *, fails: bool) -> None:
    user = desk.somebody(2 * COIN)
    quote = desk.quote(user)
    asked = desk.convert(user, quote.id)
    if fails:
        desk.price(SOLD_PRICE, "50")
    assert die_at(desk.container, "carry out", crash_at) == KILLED
    desk.assert_sound()
    if crash_at != "conversion.settled":
        assert desk.told(asked.id) == ("requested", None)
        assert desk.settle() == 0  # the lease of the dead still holds
        desk.later(LEASE_IS_OVER)
        assert desk.settle() == 1
    assert desk.settle() == 0
    assert desk.told(asked.id) == (("failed", "price_moved") if fails else ("completed", None))
    assert desk.balance(user) == (2 * COIN if fails else 2 * COIN - quote.taken_minor, 0)
    assert desk.balance(user, BOUGHT) == (0 if fails else quote.receives_minor, 0)
    desk.assert_sound()


def test_a_request_that_dies_has_asked_for_nothing_and_leaves_its_quote(desk: Desk) -> None:
    user = desk.somebody(2 * COIN)
    quote = desk.quote(user)
    assert die_at(desk.container, "convert", "conversion.requested", str(user), str(quote.id)) == KILLED
    assert desk.balance(user) == (2 * COIN, 0)
    desk.convert(user, quote.id)
    assert desk.settle() == 1
    assert desk.balance(user, BOUGHT) == (quote.receives_minor, 0)
    desk.assert_sound()
