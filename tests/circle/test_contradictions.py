"""Answers of Circle's that cannot be: nothing is concluded from them, and nothing breaks on them."""

from collections.abc import Callable
from typing import Any

import pytest

from domain.node_refusals import ChainUncertain
from tests.circle.house import USDC, House
from tests.fakes.circle import FakeCircle


@pytest.mark.parametrize(
    "changed",
    [
        {"amount": {"amount": "19.00", "currency": "USD"}},
        {
            "destination": {
                "type": "blockchain",
                "chain": "ETH",
                "address": "0x3333333333333333333333333333333333333333",
            }
        },
    ],
)
def test_an_answer_about_another_payment_is_not_taken_for_ours(
    house: House, circle: FakeCircle, changed: dict[str, Any]
) -> None:
    user_id = house.funded()
    answered = circle._transfer

    def twisted(body: Any) -> tuple[int, Any]:
        status, said = answered(body)
        return status, {"data": {**said["data"], "id": "another", **changed}}

    circle._transfer = twisted  # type: ignore[method-assign]
    house.withdraw(user_id)
    house.pay()
    assert (house.payout().state, house.payout().provider_id) == ("uncertain", None)
    circle._transfer = answered  # type: ignore[method-assign]
    house.sweep()
    [transfer] = circle.outgoing()
    assert (house.payout().state, house.payout().provider_id) == ("broadcast", transfer["id"])


def test_a_fee_below_nothing_completes_nothing(house: House, circle: FakeCircle) -> None:
    user_id = house.funded()
    house.withdraw(user_id)
    house.pay()
    [transfer] = circle.outgoing()
    circle.decides(transfer["id"], "complete")
    transfer["fees"] = [{"amount": "-5.00", "currency": "USD"}]
    house.sweep()
    assert house.payout().state == "uncertain"
    transfer["fees"] = []
    house.sweep()
    assert (house.payout().state, house.standing(), house.compare()) == ("completed", set(), "ok")


@pytest.mark.parametrize(
    "ask", [lambda house: house.provider.incoming(""), lambda house: house.provider.holding("USD")]
)
def test_what_is_no_transfer_and_no_balance_is_said_to_be_unreadable(
    house: House, circle: FakeCircle, monkeypatch: pytest.MonkeyPatch, ask: Callable[[House], object]
) -> None:
    monkeypatch.setattr(circle, "_list", lambda _: ["a word"])
    monkeypatch.setattr(circle, "_wallet", lambda: (200, {"data": {"balances": [["USD", USDC]]}}))
    with pytest.raises(ChainUncertain):
        ask(house)
