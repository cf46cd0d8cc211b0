"""Messages to others' programs: signed, at least once, tried again, and never in each other's way."""

import functools
import json
import signal
from datetime import timedelta
from uuid import UUID

import pytest
from standardwebhooks import WebhookVerificationError

from domain.ids import new_id
from models.oauth import OAuthClient, OAuthGrant
from models.user import User
from models.webhook_out import WebhookEndpoint
from services import alerts, event_log, webhooks_out
from services.webhooks_out import Owner
from tasks import webhooks
from tests.dying import die_at
from tests.services.logged import moved
from tests.waiting import eventually
from tests.webhooks.conftest import BY, HOUSE, Post, other_secret
from tests.webhooks.receiver import Receiver, dripping, receiving


def test_an_event_arrives_signed_and_says_how_its_object_stands_now(post: Post, receiver: Receiver) -> None:
    endpoint_id, secret = post.endpoint(receiver.url)
    [flow_id] = post.happens()
    with post.container.transaction() as session:
        moved(session, post.container, flow_id, "requested", "approved")
    assert post.deliver() == 1
    [call] = receiver.calls
    told = call.verified(secret)
    assert (told["type"], told["data"]["state"]) == ("withdrawal.requested", "requested")
    assert told["id"] == call.headers["webhook-id"]
    assert told["object"] == {"kind": "withdrawal", "id": str(flow_id)}
    assert told["present"]["state"] == "approved"
    assert told["present"]["sequence"] > told["sequence"]
    with pytest.raises(WebhookVerificationError):
        call.verified(other_secret())
    [message] = post.messages(endpoint_id)
    assert message.state == "delivered"
    with post.container.reading() as session:
        [attempt] = webhooks_out.attempts_of(session, [message.id])[message.id]
    assert (attempt.status, attempt.excerpt, attempt.error) == (200, "thank you", None)
    assert post.deliver() == 0


def test_while_a_secret_rotates_both_verify_and_afterwards_the_new_one_alone(post: Post, receiver: Receiver) -> None:
    endpoint_id, old = post.endpoint(receiver.url)
    with post.container.transaction() as session:
        _, new = webhooks_out.rotate(session, HOUSE, endpoint_id, box=post.box, now=post.container.now(), by=BY)
    post.happens()
    post.deliver()
    assert receiver.calls[0].verified(old) == receiver.calls[0].verified(new)
    with post.container.transaction() as session:
        row = webhooks_out.one(session, HOUSE, endpoint_id)
        later = post.container.now() + timedelta(hours=25)
        assert webhooks_out.reveal(row, box=post.box, now=later) == [new]


def test_a_person_is_told_their_own_an_app_what_its_users_allow_and_neither_of_alerts(
    post: Post, receiver: Receiver
) -> None:
    owner, other, maker = person(post), person(post), person(post)
    client_id = app_of(post, maker, user_id=other, scope="withdrawals:read")
    mine, _ = post.endpoint(receiver.url, owner=Owner(owner))
    apps, _ = post.endpoint(receiver.url, owner=Owner(maker), client_id=client_id)
    house, _ = post.endpoint(receiver.url, kinds=["alert.*"])
    with post.container.transaction() as session:
        alerts.raise_alert(session, "flow_stuck", scope="a", severity="warning", reason="r", now=post.container.now())
    [own] = post.happens(user_id=owner)
    [theirs] = post.happens(user_id=other)
    post.happens(user_id=other, kind="internal_transfer")  # which this app may not see
    assert [row.event["object"]["id"] for row in post.messages(mine)] == [str(own)]
    assert [row.event["object"]["id"] for row in post.messages(apps)] == [str(theirs)]
    assert [row.event_type for row in post.messages(house)] == ["alert.raised"]
    with post.container.transaction() as session:
        session.query(OAuthGrant).update({"revoked_at": post.container.now()})
    post.deliver()
    assert [row.error for row in post.messages(apps)] == ["no_longer_allowed"]
    assert sorted(json.loads(call.body)["type"] for call in receiver.calls) == ["alert.raised", "withdrawal.requested"]


def test_what_fails_is_tried_again_until_it_is_taken(post: Post, receiver: Receiver) -> None:
    endpoint_id, _ = post.endpoint(receiver.url)
    post.happens()
    receiver.answer(500, b"oh no")
    for seconds in (0, 6, 331):
        post.pass_time(seconds=seconds)
        assert post.deliver() == 1
        assert post.deliver() == 0, "it is due later"
    [message] = post.messages(endpoint_id)
    assert (message.state, message.error, message.attempts) == ("waiting", "status_500", 3)
    assert post.row(endpoint_id).failures == 3
    receiver.answer(204)
    post.pass_time(hours=1)
    post.deliver()
    assert post.messages(endpoint_id)[0].state == "delivered"
    assert (post.row(endpoint_id).failures, post.row(endpoint_id).failing_since) == (0, None)
    assert len({call.headers["webhook-id"] for call in receiver.calls}) == 1


@pytest.mark.causes("webhook_disabled")
def test_after_three_days_it_is_given_up_and_after_five_the_endpoint_is_disabled_with_notice(
    post: Post, receiver: Receiver
) -> None:
    endpoint_id, _ = post.endpoint(receiver.url)
    receiver.answer(503)
    post.happens()
    for _ in range(20):
        post.deliver()
        post.pass_time(hours=27)
    [message] = post.messages(endpoint_id)
    assert (message.state, message.attempts) == ("failed", 4)
    for _ in range(6):
        post.happens()
        post.deliver()
    assert post.row(endpoint_id).disabled_because == "failing"
    assert {row.state for row in post.messages(endpoint_id)} == {"failed"}
    assert standing(post) == ["webhook_disabled"]
    post.happens()
    assert post.deliver() == 0
    with post.container.transaction() as session:
        webhooks_out.enable(session, HOUSE, endpoint_id, now=post.container.now(), by=BY)
    assert standing(post) == []
    receiver.answer(200)
    with post.container.transaction() as session:
        again = webhooks_out.redeliver_since(
            session, HOUSE, endpoint_id, since=message.occurred_at, only_failed=True, now=post.container.now(), by=BY
        )
    while post.deliver():
        pass
    rows = post.messages(endpoint_id)
    assert len(rows) == again + sum(row.event_type == "alert.cleared" for row in rows)
    assert {row.state for row in rows} == {"delivered"}


def test_one_that_says_it_is_gone_is_told_nothing_more(post: Post, receiver: Receiver) -> None:
    endpoint_id, _ = post.endpoint(receiver.url)
    receiver.answer(410)
    post.happens(2)
    while post.deliver():
        pass
    assert post.row(endpoint_id).disabled_because == "gone"
    assert [row.state for row in post.messages(endpoint_id)] == ["failed", "failed"]
    assert standing(post) == ["webhook_disabled"]


def test_a_redirect_is_not_followed(post: Post, receiver: Receiver) -> None:
    with receiving() as inside:
        endpoint_id, _ = post.endpoint(receiver.url)
        receiver.answer(307, Location=inside.url)
        post.happens()
        post.deliver()
        assert post.messages(endpoint_id)[0].error == "redirect_refused"
        assert inside.calls == []


def test_dead_endpoints_delay_nobody(post: Post, receiver: Receiver) -> None:
    """Three that hang for ever, each with work for days; all couriers would be lost to them."""
    with dripping(b"") as hanging:
        dead = [post.endpoint(f"{hanging}{number}")[0] for number in range(3)]
        post.happens(8)
        with post.container.transaction() as session:
            session.query(WebhookEndpoint).update({"failures": 3})
        alive, _ = post.endpoint(receiver.url)
        post.happens(8)
        with post.container.transaction() as session:
            due = webhooks_out.claim(
                session, slots=6, failing_slots=2, owner="test", box=post.box, now=post.container.now()
            )
        assert sum(outgoing.is_failing for outgoing in due) == 2, "as many as may be for those that fail"
        assert sum(not outgoing.is_failing for outgoing in due) == 3, "and several for one that does not"
        for outgoing in due:
            errand = functools.partial(webhooks.carry, post.container, outgoing)
            post.couriers.send(errand, may_be_vain=outgoing.is_failing)

        def arrived() -> bool:
            webhooks.send_due(post.container, post.couriers)
            return sum(row.state == "delivered" for row in post.messages(alive)) == 8

        eventually(arrived, within_s=10, what="the delivery to the one that answers")
        waiting = [row for endpoint_id in dead for row in post.messages(endpoint_id)]
        assert {row.error for row in waiting} == {None}, "it waited for those that hang"
    post.couriers.await_all()  # who hung has hung up


def test_a_process_that_dies_after_sending_sends_the_same_message_again(post: Post, receiver: Receiver) -> None:
    endpoint_id, secret = post.endpoint(receiver.url)
    post.happens()
    assert die_at(post.container, "deliver", "webhook.sent") == -signal.SIGKILL
    assert post.deliver() == 0, "it is leased to the dead one"
    post.pass_time(seconds=91)
    assert post.deliver() == 1
    first, second = (call.verified(secret) for call in receiver.calls)
    assert first == second
    assert [row.state for row in post.messages(endpoint_id)] == ["delivered"]


def test_messages_are_written_once_however_often_the_events_are_read(post: Post, receiver: Receiver) -> None:
    endpoint_id, _ = post.endpoint(receiver.url)
    post.happens(3)
    post.deliver()
    with post.container.transaction() as session:
        batch = [row.event for row in post.messages(endpoint_id)]
        events = event_log.read(session, after=event_log.BEGINNING, sources=("flow",))
        webhooks_out.tell(session, events, now=post.container.now())
    assert [row.event for row in post.messages(endpoint_id)] == batch


def test_a_message_can_be_sent_again_and_an_endpoint_tried(post: Post, receiver: Receiver) -> None:
    endpoint_id, secret = post.endpoint(receiver.url, kinds=["deposit.*"])
    with post.container.transaction() as session:
        row = webhooks_out.send_test(session, HOUSE, endpoint_id, now=post.container.now())
    post.deliver()
    with post.container.transaction() as session:
        webhooks_out.redeliver(session, HOUSE, endpoint_id, row.id, now=post.container.now(), by=BY)
    post.deliver()
    first, second = (call.verified(secret) for call in receiver.calls)
    assert first == second
    assert first["type"] == "endpoint.test"


def standing(post: Post) -> list[str]:
    with post.container.reading() as session:
        return [row.alert_code for row in alerts.standing(session)]


def person(post: Post) -> UUID:
    with post.container.transaction() as session:
        row = User(id=new_id(), public_key=new_id().hex, created_at=post.container.now())
        session.add(row)
        return row.id


def app_of(post: Post, maker: UUID, *, user_id: UUID, scope: str) -> UUID:
    now = post.container.now()
    with post.container.transaction() as session:
        client = OAuthClient(
            id=new_id(), client_id="app-x", owner_id=maker, name="x", auth_method="none", redirect_uris=[],
            grant_types=[], scope=scope, access_token_alg="RS256", created_at=now,
        )  # fmt: skip
        session.add(client)
        session.flush()
        session.add(
            OAuthGrant(id=new_id(), user_id=user_id, client_id=client.id, scope=scope, created_at=now, changed_at=now)
        )
        return client.id
