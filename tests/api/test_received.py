"""What somebody was sent before there was a table to find it by is found all the same."""

from services import activity
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
