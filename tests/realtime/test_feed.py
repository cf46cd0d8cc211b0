"""What happens to money is told to those whom it concerns, at once, and to nobody else."""

from decimal import Decimal

from tasks import feed
from tests import horizon
from tests.api.house import ASSET, COIN, House
from tests.realtime.client import Client

Sites = tuple[str, str]


def push(house: House) -> int:
    horizon.reached(house.container.engine)
    return feed.push_events(house.container)


def test_events_of_a_withdrawal_reach_its_owner_and_operators_only(house: House, processes: Sites) -> None:
    house.policy(auto_limit_minor=0)
    owner, stranger, operator = house.person(funds_minor=10 * COIN), house.person(), house.person(role="viewer")
    with (
        Client(processes[0], owner.token) as first,
        Client(processes[1], owner.token, transport="polling") as second,
        Client(processes[0], stranger.token) as bystander,
        Client(processes[1], operator.token) as board,
    ):
        for client in (first, second, bystander, board):
            client.await_event("online_users")
        push(house)
        assert owner.withdraw("1.5").status_code == 201
        assert push(house) > 0
        for client in (first, second):
            told = client.await_event("withdrawal")
            assert told["type"] == "withdrawal.requested"
            assert told["user_id"] == str(owner.user_id)
            assert Decimal(told["data"]["amount"]) == Decimal("1.5")
            assert told["fragment"] == f"/flows/{told['data']['short_id']}"
            assert client.await_event("flow")["id"] == told["id"]
        seen = board.await_event("withdrawal")
        assert (seen["user_id"], "amount" in seen["data"]) == (None, False)
        # Whoever was to hear of it would have by now: what is said next goes the same way.
        house.container.bus.say("user_left", {"pubkey": "end"}, ["people"])
        bystander.await_event("user_left", lambda data: data == {"pubkey": "end"})
        assert bystander.count("withdrawal") == bystander.count("flow") == 0
        assert push(house) == 0


def test_both_sides_of_a_transfer_are_notified(house: House, processes: Sites) -> None:
    sender, recipient = house.person(funds_minor=COIN), house.person()
    with Client(processes[0], sender.token) as one, Client(processes[1], recipient.token) as other:
        for client in (one, other):
            client.await_event("online_users")
        push(house)
        body = {"asset": ASSET, "amount": "0.5", "to": recipient.public_key}
        assert sender.post("/transfers", body, key="transfer-1").status_code == 201
        push(house)
        told = [client.await_event("flow") for client in (one, other)]
        assert [event["type"] for event in told] == ["internal_transfer.completed"] * 2


def test_the_feed_does_not_wait_for_a_bus_that_is_away(own_house: House) -> None:
    owner = own_house.person(funds_minor=COIN)
    push(own_house)
    own_house.container.bus._silent_until = float("inf")
    owner.withdraw("0.1")
    # Told to nobody, and done with: who was not there reads again.
    assert push(own_house) > 0
    assert push(own_house) == 0
