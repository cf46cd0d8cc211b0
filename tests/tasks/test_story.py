"""A coin comes in, is seen before it is spendable, is credited, and goes out again."""

from tests.rail import COIN, Rail


def test_a_coin_comes_in_is_credited_and_goes_out_once(rail: Rail) -> None:
    user_id = rail.new_user()
    rail.send_to(rail.new_address(user_id).address, COIN // 2)
    rail.watch()
    assert rail.deposit().state == "seen"
    assert rail.balance(user_id) == (0, 0)

    rail.mine()
    rail.watch()
    assert rail.deposit().state == "credited"
    assert rail.balance(user_id) == (COIN // 2, 0)

    destination = rail.outside_address()
    withdrawal = rail.request(user_id, COIN // 10, destination)
    assert rail.balance(user_id)[1] == COIN // 10 + withdrawal.fee_minor
    assert rail.pay() == 1
    assert rail.withdrawal().state == "broadcast"
    assert rail.received(destination) == COIN // 10

    rail.mine()
    rail.watch()
    assert rail.withdrawal().state == "completed"
    assert rail.balance(user_id) == (COIN // 2 - COIN // 10 - withdrawal.fee_minor, 0)
    assert rail.compare() == "ok"
    rail.assert_sound()
