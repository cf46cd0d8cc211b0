"""The page on which people tell of payments they made."""

from tests.api.house import House
from tests.pages.reader import Reader, words
from tests.verification.desk import DOLLAR, HOUSE, USDC, Desk


def test_a_person_claims_a_payment_and_sees_what_became_of_it(desk: Desk) -> None:
    house = House(desk.container)
    reader = Reader(house, house.person())
    assert HOUSE in reader.get("/claims").text
    form = {"asset": USDC.asset_id, "tx_hash": desk.pay(1), "amount": "10", "idempotency_key": "page-1"}
    sent = reader.post("/claims", **form)
    assert sent.status_code == 303
    assert reader.post("/claims", **form).location == sent.location
    assert "The chain is being asked" in reader.text("/claims")
    desk.check()
    assert "The payment was found and is final" in reader.text("/claims")
    assert "verified" in reader.text(sent.location)
    assert desk.balance(reader.person.user_id) == 10 * DOLLAR
    again = reader.post("/claims", **{**form, "idempotency_key": "page-2"})
    desk.check()
    assert again.status_code == 303
    assert "This payment was already credited" in reader.text("/claims")


def test_what_is_mistyped_is_said_beside_its_field(desk: Desk) -> None:
    house = House(desk.container)
    reader = Reader(house, house.person())
    refused = reader.post("/claims", asset=USDC.asset_id, tx_hash="0x12", amount="", idempotency_key="page-1")
    assert refused.status_code == 422
    assert "Is not the hash of a transaction on Solana." in words(refused)
