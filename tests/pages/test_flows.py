"""The search for movements: from what an operator has in hand to the one flow, or to a list that can be narrowed."""

import re
from uuid import UUID

import pytest

from api.pages import flows
from domain.actor import Actor
from domain.chain_facts import Block, ChainOutput, ChainTransaction, OutPoint
from models.chain import DepositAddress
from services import addresses, chains, deposits
from tests.api.house import ASSET, COIN, DESTINATION, NETWORK, House
from tests.pages.reader import Reader, words

BY = Actor("test")
PLACE = "/operator/flows"
CHAIN = NETWORK.chain
TXID = "ef" * 32


@pytest.fixture(scope="module")
def payer(house: House) -> Reader:
    """Somebody who was paid once on an address of theirs, and asked for two withdrawals to one destination."""
    person = house.person(funds_minor=50 * COIN)
    house.policy(auto_limit_minor=0)
    house.fill_pool(1)
    now = house.container.now()
    with house.container.transaction() as session:
        chains.follow(session, CHAIN, height=20, hashes=["ab" * 32], now=now)
        issued = addresses.issue(session, user_id=person.user_id, asset_id=ASSET, now=now, by=BY)
        script = session.get_one(DepositAddress, issued.id).script
        paid = ChainTransaction(TXID, (ChainOutput(0, script, COIN),), (OutPoint("12" * 32, 0),), is_coinbase=False)
        deposits.sight_blocks(session, CHAIN, [Block(21, "cd" * 32, "ab" * 32, now, (paid,))], now=now, by=BY)
    for amount in ("6", "7"):
        assert person.withdraw(amount).status_code == 201
    return Reader(house, person)


@pytest.fixture
def viewer(house: House, payer: Reader) -> Reader:
    return Reader(house, house.person(role="viewer"))


def flow_of(payer: Reader, kind: str) -> dict[str, str]:
    items = payer.person.get(f"/flows?kind={kind}").get_json()["items"]
    flow: dict[str, str] = items[0]
    return flow


def address_of(payer: Reader) -> str:
    [item] = payer.person.get("/deposits").get_json()["items"]
    address: str = item["address"]
    return address


def listed(answer: str) -> list[str]:
    return re.findall(r'href="/flows/([0-9a-z]{10})"', answer)


def test_what_leads_to_one_movement_goes_straight_to_it(payer: Reader, viewer: Reader) -> None:
    deposit, asked = flow_of(payer, "deposit"), payer.person.get("/withdrawals").get_json()["items"][0]
    for what, flow in (
        (deposit["short_id"], deposit["short_id"]),
        (f" {deposit['short_id'].upper().replace('0', 'O')} ", deposit["short_id"]),
        (deposit["id"], deposit["short_id"]),
        (TXID, deposit["short_id"]),
        (f"0x{TXID.upper()}", deposit["short_id"]),
        (address_of(payer), deposit["short_id"]),
        (asked["id"], asked["flow"]),
    ):
        answer = viewer.get(f"{PLACE}?what={what}")
        assert (answer.status_code, answer.location) == (303, f"/flows/{flow}"), what


def test_who_and_what_is_known_without_a_movement_is_said_to_be(house: House, payer: Reader, viewer: Reader) -> None:
    assert "This is a person here." in viewer.text(f"{PLACE}?what={house.person().public_key}")
    house.fill_pool(1)
    issued = payer.person.post("/deposit-addresses", {"asset": ASSET}, key="another").get_json()
    assert "Nothing has been paid to it." in viewer.text(f"{PLACE}?what={issued['address']}")


def test_what_leads_to_many_lists_them(payer: Reader, viewer: Reader) -> None:
    for what, field, count in (
        (payer.person.public_key.upper(), "user", 3),
        (str(payer.person.user_id), "user", 3),
        (DESTINATION.upper(), "address", 2),
    ):
        answer = viewer.get(f"{PLACE}?what={what}")
        assert answer.status_code == 303
        assert answer.location.startswith(f"{PLACE}?{field}=")
        assert len(listed(viewer.get(answer.location).text)) == count


def test_the_list_is_narrowed_by_everything_at_once(payer: Reader, viewer: Reader) -> None:
    user, deposit = f"user={payer.person.public_key}", flow_of(payer, "deposit")
    for query, count in (
        (user, 3), (f"{user}&kind=withdrawal&state=pending_approval&asset={ASSET}&newer=1+h", 2),
        (f"{user}&older=1+h", 0), (f"address={DESTINATION}&{user}", 2), (f"address={DESTINATION}&kind=deposit", 0),
        (f"tx_hash={TXID}&id={deposit['short_id']}", 1), (f"tx_hash={TXID}&address={address_of(payer)}", 1),
        (f"tx_hash={TXID}&address={DESTINATION}", 0),
    ):  # fmt: skip
        assert len(listed(viewer.get(f"{PLACE}?{query}").text)) == count, query
    told = viewer.text(f"{PLACE}?{user}&kind=deposit")
    assert f"deposit {deposit['short_id']} + 1.000 000 00 rLTC confirming" in told.replace("\u2009", " ")
    assert "of 4 h" in told
    assert "No movement of money fits all of this." in viewer.text(f"{PLACE}?{user}&older=1+h")


def test_pages_follow_one_another(payer: Reader, viewer: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "LINES_PER_PAGE", 2)
    first = viewer.get(f"{PLACE}?user={payer.person.user_id}").text
    [more] = re.findall(r'href="([^"]+)" rel="next"', first)
    second = viewer.get(more.replace("&amp;", "&")).text
    assert [len(listed(page)) for page in (first, second)] == [2, 1]
    assert len({*listed(first), *listed(second)}) == 3
    assert 'rel="next"' not in second


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("what=k7f3m2n9qd", "No movement of money is known by this."),
        ("what=%00", "too long, or no text"),
        ("what=" + "x" * 201, "too long, or no text"),
        ("id=nonsense", "neither an id nor a short id"),
        (f"user={UUID(int=7)}", "Nobody here has this id"),
        ("user=%F0%9F%92%B0", "This is not a person's id or key"),
        ("kind=theft", "There is no such kind"),
        ("state=lost", "There is no such state"),
        ("kind=deposit&state=signed", "No deposit is ever signed. Its states are: seen, confirming"),
        ("asset=GOLD", "keeps no such asset"),
        ("tx_hash=a+b", "This is not a transaction's hash"),
        ("address=%00", "This is not an address"),
        ("older=a+while", "Write a number and s, min, h, d or w"),
        ("older=2+d&newer=3+h", "Nothing is older than 2 d and newer than 3 h."),
    ],
)
def test_nonsense_is_named_beside_its_field(viewer: Reader, query: str, told: str) -> None:
    answer = viewer.get(f"{PLACE}?{query}")
    assert answer.status_code == 422
    field = query.rpartition("&")[2].partition("=")[0] if "newer" not in query else "older"
    beside = re.search(rf'id="{field}-error">(.*?)</span>', answer.text, re.DOTALL)
    assert beside is not None
    assert told in words(answer)
    assert 'aria-invalid="true"' in answer.text
    assert listed(answer.text) == []


def test_it_is_for_operators_and_on_their_pages(payer: Reader, viewer: Reader) -> None:
    assert payer.get(PLACE).status_code == 403
    for path in ("/operator", "/operator/overwatch", "/operator/alerts"):
        assert f'href="{PLACE}"' in viewer.get(path).text, path
    assert viewer.get(f"{PLACE}?before=nonsense&older=99999+w").status_code == 200
