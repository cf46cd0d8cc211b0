"""The page of screening: the list is searched, added to and taken from; each change by an admin and on record."""

import io

import pytest

from domain.actor import Actor
from domain.chain_facts import Block, ChainOutput, ChainTransaction, OutPoint
from models.audit import AuditLog
from models.chain import DepositAddress
from models.screening import ListedAddress
from services import addresses, chains, deposits, screening
from services.deposits import screening as looking
from tests.api.house import ASSET, COIN, DESTINATION, NETWORK, House
from tests.pages.reader import Reader, words

BY = Actor("test")
PLACE = "/operator/screening"
CHAIN = NETWORK.chain


@pytest.fixture
def house(own_house: House) -> House:
    """These tests look at the whole list."""
    return own_house


@pytest.fixture
def admin(house: House) -> Reader:
    return Reader(house, house.person(role="admin"))


def listed(house: House) -> list[str]:
    with house.container.reading() as session:
        return [row.address for row in screening.listed(session, limit=10)]


def upload(reader: Reader, sheet: bytes) -> str:
    answer = reader.post(f"{PLACE}/import", sheet=(io.BytesIO(sheet), "list.csv"))
    return reader.text(PLACE) if answer.location == PLACE else words(answer)


def test_an_address_is_listed_found_and_taken_off(house: House, admin: Reader) -> None:
    entry = {"chain": CHAIN, "address": DESTINATION, "reason": "100% stolen"}
    assert admin.post(f"{PLACE}/list", **entry).location == PLACE
    assert "1 listed" in admin.text(PLACE)
    assert "our list" in admin.text(PLACE)
    assert "100% stolen" in admin.text(f"{PLACE}?search=100%25&chain={CHAIN}")
    assert "Nothing on the list fits." in admin.text(f"{PLACE}?search=1_0")
    assert "a reason is missing" in words(admin.post(f"{PLACE}/unlist", **{**entry, "reason": " "}))
    assert admin.post(f"{PLACE}/unlist", **entry).location == PLACE
    assert listed(house) == []
    with house.container.reading() as session:
        events = {row.event for row in session.query(AuditLog).filter_by(user_id=admin.person.user_id)}
    assert {"screening.listed", "screening.unlisted", "screening.mode_set"} <= events


def test_a_sheet_is_taken_whole_or_not_at_all(house: House, admin: Reader) -> None:
    head = b"\xef\xbb\xbfreason,chain,address\r\n"
    good = f'"stolen, they say",{CHAIN},{DESTINATION}\r\n'.encode()
    for sheet, told in (
        (head + good + f"why,{CHAIN},nowhere\r\n".encode(), "is not an address"),
        (head + good + f",{CHAIN},{DESTINATION}\r\n".encode(), "line 3 has no reason"),
        (b"address\r\n", "has to name the columns"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (head + good + b'"', "is not CSV"),
    ):
        assert told in upload(admin, sheet)
        assert listed(house) == []
    assert "stolen, they say" in upload(admin, head + good)
    assert listed(house) == [DESTINATION]


def test_a_rail_demands_what_an_admin_says(house: House, admin: Reader) -> None:
    assert admin.post(f"{PLACE}/mode", chain=CHAIN, mode="hook").location == PLACE
    assert "no service is configured" in admin.text(PLACE)
    assert "choose one of the modes" in words(admin.post(f"{PLACE}/mode", chain=CHAIN, mode="maybe"))
    assert "nobody can say who paid" in words(admin.post(f"{PLACE}/mode", chain="circle", mode="list"))
    with house.container.reading() as session:
        assert screening.mode_of(session, CHAIN) == "hook"


def test_a_deposit_that_waits_is_shown_with_what_it_waits_for(house: House, admin: Reader) -> None:
    now = house.container.now()
    house.fill_pool(1)
    with house.container.transaction() as session:
        chains.follow(session, CHAIN, height=20, hashes=["ab" * 32], now=now)
        issued = addresses.issue(session, user_id=admin.person.user_id, asset_id=ASSET, now=now, by=BY)
        script = session.get_one(DepositAddress, issued.id).script
        paid = ChainTransaction(
            "ef" * 32, (ChainOutput(0, script, COIN),), (OutPoint("12" * 32, 0),), is_coinbase=False
        )
        deposits.sight_blocks(session, CHAIN, [Block(21, "cd" * 32, "ab" * 32, now, (paid,))], now=now, by=BY)
        screening.set_mode(session, CHAIN, "hook", now=now, by=BY)
        [question] = looking.due(session, CHAIN, now=now)
        looking.wait(session, question, reason="no_answer: it answered 503", now=now, by=BY)
    assert "Deposits waiting (1)" in admin.text(PLACE)
    assert "it answered 503 tried once" in admin.text(PLACE)


def test_others_see_it_at_most(house: House, admin: Reader, owner: Reader) -> None:
    assert owner.get(PLACE).status_code == 403
    viewer = Reader(house, house.person(role="viewer"))
    assert "needs the role admin" in viewer.text(PLACE)
    for path in ("mode", "list", "unlist", "import"):
        assert viewer.post(f"{PLACE}/{path}").status_code == 403
        assert admin.post(f"{PLACE}/{path}", csrf_token="wrong").status_code == 403


def test_an_address_on_two_rails_is_on_two_pages(house: House) -> None:
    with house.container.transaction() as session:
        for chain in ("ethereum", "base", "gnosis"):
            row = ListedAddress(
                chain=chain, address="0x" + "ab" * 20, reason="x", added_at=house.container.now(), added_by="test"
            )
            session.add(row)
    found, after = [], ("", "")
    with house.container.reading() as session:
        while rows := screening.listed(session, after=after, limit=1):
            after = (rows[0].address, rows[0].chain)
            found.append(rows[0].chain)
    assert found == ["base", "ethereum", "gnosis"]
