"""Requests of one moment look up their sessions together: nobody is shown another's money, or let in for them."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from auth import sessions
from models.prepared import Prepared, Rows
from tests.api.house import COIN, House, Person

AT_ONCE = 12
ROUNDS = 6


@pytest.fixture
def crowd(house: House) -> list[Person]:
    """People of whom each owns another amount."""
    return [house.person(funds_minor=(number + 1) * COIN) for number in range(AT_ONCE)]


def at_once(people: Sequence[Person], ask: Callable[[Person], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(people)) as pool:
        return list(pool.map(ask, people))


def test_everybody_sees_their_own_money(crowd: list[Person], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = Prepared.alone

    def alone(self: Prepared, engine: Any, *parameters: Any) -> Rows:
        if self._name == "session_with_balances":
            asked.append(parameters[0].count(",") + 1)
        return real(self, engine, *parameters)

    monkeypatch.setattr(Prepared, "alone", alone)
    for _ in range(ROUNDS):
        owned = at_once(crowd, lambda person: person.balance()["available"])
        assert owned == [f"{number + 1}.00000000" for number in range(AT_ONCE)]
    assert sum(asked) == ROUNDS * AT_ONCE
    assert max(asked) > 1


def test_an_ended_session_among_others_opens_nothing(house: House, crowd: list[Person]) -> None:
    ended = crowd[::3]
    with house.container.transaction() as session:
        for person in ended:
            sessions.end(session, person.user_id, now=house.container.now())
    for _ in range(ROUNDS):
        statuses = at_once(crowd, lambda person: person.get("/balances").status_code)
        assert statuses == [401 if person in ended else 200 for person in crowd]


def test_somebody_without_accounts_has_nothing_of_those_beside_them(house: House, crowd: list[Person]) -> None:
    stranger = house.person()
    for _ in range(ROUNDS):
        found = at_once([*crowd, stranger], lambda person: person.balance()["available"])
        assert found[-1] == "0.00000000"
