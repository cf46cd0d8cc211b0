"""The forms of the pages: once only, refused beside the field, nothing changed by a refusal."""

import pytest

from models.flow import Flow
from services import chains
from tests.api.house import NETWORK, House
from tests.pages.reader import Reader, words


def test_a_withdrawal_leads_to_its_flow(owner: Reader) -> None:
    answer = owner.withdraw()
    assert answer.status_code == 303
    assert "Waiting for an operator to approve it. The funds are held." in owner.text(answer.location)
    assert "3.999 000 00" in owner.text("/")


def test_a_form_sent_again_leads_to_the_same_flow(house: House, owner: Reader) -> None:
    before = house.fingerprint()["withdrawals"]
    first, again = owner.withdraw(key="page-7"), owner.withdraw(key="page-7")
    assert first.location == again.location
    assert house.fingerprint()["withdrawals"] == before + 1


@pytest.mark.parametrize(
    ("field", "typed", "reason"),
    [
        ("amount", "0", "Must be more than zero."),
        ("amount", "-1", "Must be a plain decimal number"),
        ("amount", "1e3", "Must be a plain decimal number"),
        ("amount", "0.123456789", "Has 9 decimals; this asset has 8."),
        ("amount", "0.00000001", "Must be at least 0.00200000 rLTC."),
        ("amount", "10", "which is more than is available."),
        ("destination", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "This is an address of Bitcoin"),
        ("destination", "0OIl", "Is not an address"),
    ],
)
def test_a_refusal_stands_beside_its_field_and_changes_nothing(
    field: str, typed: str, reason: str, house: House, owner: Reader
) -> None:
    before = house.fingerprint()
    answer = owner.withdraw(**{field: typed})
    assert answer.status_code in {409, 422}
    assert f'id="{field}-error"' in answer.text
    assert reason in words(answer)
    assert f'value="{typed}"' in answer.text
    assert house.fingerprint() == before


def test_a_mended_form_is_a_new_request(owner: Reader) -> None:
    refused = owner.withdraw("0", key="page-1")
    assert 'name="idempotency_key" value="page-' in refused.text
    assert 'value="page-1"' not in refused.text


def test_amounts_may_be_typed_as_they_are_shown(owner: Reader) -> None:
    assert owner.withdraw("6.000\u2009000\u200900").status_code == 303


def test_paused_withdrawals_are_said_before_anybody_types(own_house: House) -> None:
    owner = Reader(own_house, own_house.person())
    own_house.policy(paused=True)
    assert "Withdrawals of rLTC are paused by an operator." in owner.text("/withdraw")
    answer = owner.withdraw()
    assert answer.status_code == 503
    assert "Withdrawals of this asset are paused by an operator." in words(answer)


def test_an_address_is_given_while_the_node_is_down(house: House, owner: Reader) -> None:
    answer = owner.post("/deposit", asset="rLTC")
    assert answer.status_code == 503
    assert "the pool is empty until the node refills it" in words(answer)
    house.fill_pool(2)
    first, second = (owner.post("/deposit", asset="rLTC").location for _ in range(2))
    assert first != second
    assert "Your other rLTC addresses (1)" in owner.text(first)
    drawing = owner.get(first.replace("?address=", "/") + "/qr.svg")
    assert drawing.mimetype == "image/svg+xml"
    assert b"<svg" in drawing.data


def test_without_a_rail_pages_say_how_to_set_one_up(house_without_rail: House) -> None:
    person = Reader(house_without_rail, house_without_rail.person(funds_minor=10**8))
    for path in ("/", "/deposit", "/withdraw"):
        assert "No rail is set up" in person.text(path)
        assert "STRONGROOM_CHAINS=bitcoin" in person.text(path)
    # What is held stays visible and can be sent inside.
    assert "1.000 000 00" in person.text("/")
    assert "1.000 000 00" in person.text("/send")


def test_another_site_cannot_send_a_form(house: House, owner: Reader) -> None:
    before = house.fingerprint()
    answer = owner.post("/withdraw", csrf_token="guessed", asset="rLTC", amount="1", destination="x")
    assert answer.status_code == 403
    assert house.fingerprint() == before


def test_money_sent_to_another_user_shows_on_both_sides(house: House, owner: Reader) -> None:
    friend = Reader(house, house.person())
    form = {"asset": "rLTC", "to": friend.person.public_key, "amount": "2.5", "idempotency_key": "page-1"}
    answer = owner.post("/send", **form)
    assert answer.status_code == 303
    assert owner.post("/send", **form).location == answer.location
    assert "to another user" in owner.text("/")
    assert "from another user" in friend.text("/")
    assert "2.500 000 00" in friend.text("/")
    assert "+ 2.500 000 00" in friend.text(answer.location)
    assert "received from another user" in friend.text("/history")
    assert Reader(house, house.person()).get(answer.location).status_code == 404


@pytest.mark.parametrize(
    ("field", "typed", "reason"),
    [
        ("to", "03ab", "the key of anybody here"),
        ("amount", "11", "more than is available"),
        ("asset", "DOGE", "is not an asset of this house"),
    ],
)
def test_a_refused_transfer_says_why_beside_the_field(
    field: str, typed: str, reason: str, house: House, owner: Reader
) -> None:
    friend = house.person()
    form = {"asset": "rLTC", "to": friend.public_key, "amount": "1", "idempotency_key": "page-1", field: typed}
    answer = owner.post("/send", **form)
    assert answer.status_code in {404, 409, 422}
    assert reason in words(answer).lower()
    assert f'id="{field}-error"' in answer.text


def test_a_withdrawal_can_be_cancelled_once(owner: Reader) -> None:
    location = owner.withdraw().location
    assert "Cancel this withdrawal" in owner.text(location)
    assert owner.post(f"{location}/cancel").location == location
    page = owner.text(location)
    assert "Cancelled before it was sent. The funds are yours again." in page
    assert "Cancel this withdrawal" not in page
    assert owner.post(f"{location}/cancel").status_code == 409


def test_the_statement_pages_through_everything_that_was_booked(house: House, owner: Reader) -> None:
    friend = house.person()
    for number in range(105):
        owner.person.post("/transfers", {"asset": "rLTC", "amount": "0.01", "to": friend.public_key}, key=f"n{number}")
    newest = owner.get("/history").text
    assert newest.count("<tr>") == 101
    older = owner.get(newest.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&"))
    assert older.text.count("<tr>") == 7
    assert "10.000 000 00" in words(older)


def test_a_flow_is_found_by_either_id(house: House, owner: Reader) -> None:
    location = owner.withdraw().location
    with house.container.reading() as session:
        flow = session.query(Flow).filter_by(short_id=location.removeprefix("/flows/")).one()
    assert owner.get(f"/flows/{flow.group_id}").status_code == 200


def test_a_fragment_is_the_live_part_alone(owner: Reader) -> None:
    whole, part = owner.get("/"), owner.get("/", **{"HX-Request": "true"})
    assert "<html" in whole.text
    assert part.text.strip().startswith('<div id="live"')
    assert "HX-Request" in part.headers["Vary"]


def test_nothing_about_a_person_is_kept_by_a_cache(owner: Reader) -> None:
    for path in ("/", "/history", "/withdraw", "/deposit"):
        assert owner.get(path).headers["Cache-Control"] == "no-store"


def test_an_older_page_reads_itself_again_and_not_the_newest(house: House, owner: Reader) -> None:
    friend = house.person()
    for number in range(30):
        owner.person.post("/transfers", {"asset": "rLTC", "amount": "0.01", "to": friend.public_key}, key=f"o{number}")
    newest = owner.get("/")
    assert 'data-hx-get="/"' in newest.text
    older = newest.text.split(">Older<")[0].rsplit('href="', 1)[1].split('"')[0]
    again = owner.get(older, **{"HX-Request": "true"})
    assert f'data-hx-get="{older}"' in again.text
    assert again.text.count("to another user, flow") == 5


def test_a_chain_that_is_not_read_is_said_where_money_goes_in_and_out(own_house: House) -> None:
    owner = Reader(own_house, own_house.person())
    with own_house.container.transaction() as session:
        now = own_house.container.now()
        chains.follow(session, NETWORK.chain, height=0, hashes=["00" * 32], now=now)
        cursor = chains.get(session, NETWORK.chain)
        cursor.failing_since, cursor.error = now - chains.STALE_AFTER, "node_timeout"
    assert "has not been read for 1 min" in owner.text("/deposit")
    assert "Nothing is lost: what you send shows here as soon as it is read again." in owner.text("/deposit")
    assert "a withdrawal that you ask for now goes on as soon as it is read again" in owner.text("/withdraw")
    with own_house.container.transaction() as session:
        chains.get(session, NETWORK.chain).failing_since = own_house.container.now()
    assert "has not been read" not in owner.text("/deposit")
