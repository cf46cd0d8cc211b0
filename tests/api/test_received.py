"""What somebody was sent before there was a table to find it by, or by who knew of none, is found all the same."""

from collections.abc import Callable
from typing import Any

from domain.actor import Actor
from services import activity
from tasks.flows import list_received
from tests.api.house import ASSET, COIN, House
from tests.databases import Database, settings_for
from wiring import migrate

BEFORE = "0074"


def test_what_was_received_before_is_filled_in(own_house: House, own_database: Database) -> None:
    sender, recipient = own_house.person(funds_minor=COIN), own_house.person()
    body = {"asset": ASSET, "amount": "0.25", "to": recipient.public_key}
    assert sender.post("/transfers", body, key="1").status_code == 201
    migrate.downgrade(settings_for(own_database), BEFORE)
    migrate.upgrade(settings_for(own_database))
    with own_house.container.reading() as session:
        [found] = activity.newest(session, recipient.user_id, before=None, limit=10)
        [sent] = activity.newest(session, sender.user_id, before=None, limit=10)
    assert found.received
    assert not sent.received
    assert found.flow.group_id == sent.flow.group_id


def test_rows_written_by_an_older_process_are_filled_in(
    own_house: House, own_database: Database, raw: Callable[..., Any]
) -> None:
    sender, recipients = own_house.person(funds_minor=COIN), [own_house.person() for _ in range(2)]
    for recipient in recipients:
        body = {"asset": ASSET, "amount": "0.25", "to": recipient.public_key}
        assert sender.post("/transfers", body, key=recipient.public_key).status_code == 201

    def received() -> list[bool]:
        with own_house.container.reading() as session:
            return [bool(activity.newest(session, one.user_id, before=None, limit=10)) for one in recipients]

    with raw(own_database.superuser_url) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM received_transfers WHERE user_id = %s", (str(recipients[0].user_id),))
        connection.commit()
    assert received() == [False, True]
    assert [list_received.run.__wrapped__(own_house.container, Actor("a test")) for _ in range(2)] == [1, 0]
    assert received() == [True, True]
