"""Whoever is paid is named to the provider that demands it, and in full to nobody else who need not know."""

import json
from collections.abc import Mapping

import pytest
from coincurve import PrivateKey
from sqlalchemy import select, update

from auth import sessions
from domain.beneficiaries import InvalidBeneficiary, beneficiary_of, masked
from domain.ids import short_id
from domain.networks import NETWORKS
from domain.providers import PROVIDERS
from domain.rail_rows import RailRow
from domain.wallet_facts import Payment
from models import Base
from models.asset import WithdrawalPolicy
from models.payout import Payout
from models.withdrawal import Withdrawal
from tests.api.house import House as Offices
from tests.api.house import Person
from tests.elsewhere.house import ASSET, NAME, House
from tests.fakes.flutterwave import FakeFlutterwave
from tests.pages.reader import Reader

RAIL: RailRow = PROVIDERS[NAME]
PHONE, BANK, CHAIN = "mobile:MTN:233241234567", "bank:044:0690000031", NETWORKS["litecoin-regtest"]
HOUSE = {"sender": "Strongroom Ltd", "sender_country": "KE"}
AMA = "Ama Mensah-Owusu"


def read(name: object, *, destination: str = PHONE, asset: str = "tGHS", rail: RailRow = RAIL) -> str | None:
    return beneficiary_of(rail, name, destination=destination, asset_id=f"{asset}.{NAME}")


@pytest.mark.parametrize(
    "name",
    ["Ama  Mensah-Owusu ", "N'Golo Kanté", "Ọláìtán Adéọlá", "Mary-Jane O'Neil Jr."],
)
def test_names_are_kept_as_people_spell_them(name: str) -> None:
    kept = read(name)
    assert kept is not None
    assert kept.split() == name.split()


@pytest.mark.parametrize(
    "name", ["A", "a" * 81, "-Ama", "Ama\nMensah7", "Ama <b>", 'Ama", "amount": 1', 7, ["Ama"], " "]
)
def test_what_is_no_name_is_refused(name: object) -> None:
    with pytest.raises(InvalidBeneficiary):
        read(name)


@pytest.mark.parametrize(("destination", "asset"), [(PHONE, "tNGN"), (BANK, "tGHS"), (BANK, "tKES")])
def test_nobody_is_paid_without_a_name_where_one_is_needed(destination: str, asset: str) -> None:
    with pytest.raises(InvalidBeneficiary):
        read("", destination=destination, asset=asset)


def test_a_bank_that_asks_for_none_needs_none_and_a_chain_takes_none() -> None:
    assert read(None, destination=BANK, asset="tNGN") is None
    assert read(None, rail=CHAIN) is None
    with pytest.raises(InvalidBeneficiary):
        read(AMA, rail=CHAIN)


@pytest.mark.parametrize(
    ("currency", "told"), [("KES", {"sender": "Strongroom Ltd", "sender_country": "KE"}), ("GHS", None)]
)
def test_kenya_is_told_who_pays(house: House, currency: str, told: Mapping[str, str] | None) -> None:
    house.provider.__dict__["_sender"] = HOUSE
    signed = house.provider.build([Payment("mobile:MPS:254712345678", 100, currency, AMA)], fee_max_minor=0)
    said = json.loads(signed.raw_tx)
    assert (said["beneficiary_name"], said.get("meta"), said["amount"]) == (AMA, told, 1)


def test_a_name_reaches_the_provider_and_whoever_decides_and_is_masked_elsewhere(
    house: House, fake: FakeFlutterwave
) -> None:
    with house.container.transaction() as session:
        session.execute(update(WithdrawalPolicy).values(auto_limit_minor=0, minimum_minor=1))
    offices = Offices(house.container)
    approver, viewer = offices.person(role="approver"), offices.person(role="viewer")
    with house.container.transaction() as session:
        opened = sessions.begin(session, house.user_id, now=house.container.now())
    owner = Person(offices, PrivateKey(), house.user_id, opened.token)
    body = {"asset": ASSET, "amount": "15000", "destination": PHONE}
    refused = owner.post("/withdrawals", body, key="n-1").get_json()
    assert (refused["error"], list(refused["fields"])) == ("invalid_beneficiary", ["beneficiary_name"])
    answer = owner.post("/withdrawals", {**body, "beneficiary_name": AMA}, key="n-2")
    assert (answer.status_code, answer.get_json()["beneficiary_name"]) == (201, masked(AMA)), answer.get_json()
    assert approver.post(f"/operator/withdrawals/{answer.get_json()['id']}/approve").status_code == 200
    house.pay()
    [told] = fake.transfers.values()
    assert told["full_name"] == AMA
    page = f"/flows/{short_id(house.one(Withdrawal).flow_id)}"
    seen = [AMA in Reader(offices, person).text(page) for person in (owner, approver, viewer)]
    assert seen == [True, True, False]
    assert masked(AMA) in Reader(offices, viewer).text(page)
    with house.container.reading() as session:
        kept = {
            table.name
            for table in Base.metadata.sorted_tables
            if any("Mensah" in str(row) for row in session.execute(select(table)))
        }
    assert kept == {"withdrawals", "payout_transactions"}
    assert house.one(Payout).state == "broadcast"


def test_the_form_asks_who_is_paid_and_says_what_is_wrong_beside_it(house: House) -> None:
    offices = Offices(house.container)
    person = Reader(offices, offices.person())
    assert "Who is paid" in person.text(f"/withdraw?asset={ASSET}")
    form = {"asset": ASSET, "amount": "15000", "destination": PHONE, "idempotency_key": "page-1"}
    answer = person.post("/withdraw", **form)
    assert (answer.status_code, "Must be the name of whoever is paid" in answer.text) == (422, True)
    again = person.post("/withdraw", **{**form, "beneficiary_name": "Ama 7"})
    assert 'value="Ama 7"' in again.text
