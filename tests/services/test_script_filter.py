"""The filter in front of the addresses: whatever it passes over is no address of ours, at any moment."""

import random
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime

import psycopg2
import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from domain.ids import new_id
from models.chain import DepositAddress
from services.deposits import script_filter
from services.deposits.script_filter import ScriptFilter
from tests.databases import Database
from wiring.container import Container

CHAIN, OTHER = "litecoin-regtest", "bitcoin-regtest"
KINDS = (
    lambda dice: b"\x00\x14" + dice.randbytes(20),
    lambda dice: b"\x76\xa9\x14" + dice.randbytes(20) + b"\x88\xac",
    lambda dice: b"\xa9\x14" + dice.randbytes(20) + b"\x87",
    lambda dice: b"\x51\x20" + dice.randbytes(32),
    lambda dice: dice.randbytes(20),
    lambda dice: dice.randbytes(dice.randrange(2, 12)),
)
"""Scripts of the kinds in use, an account's address, and what ends before the bytes that are looked at."""
INSERT = "INSERT INTO deposit_addresses (id, chain, address, script, created_at) VALUES (%s, %s, %s, %s, now())"


@pytest.fixture
def looks() -> ScriptFilter:
    return ScriptFilter(CHAIN)


@pytest.fixture
def dice() -> random.Random:
    return random.Random(7)


def some(dice: random.Random, count: int) -> list[bytes]:
    return [dice.choice(KINDS)(dice) + number.to_bytes(2) for number in range(count)]


def add(session: Session, scripts: Iterable[bytes], *, chain: str = CHAIN) -> None:
    now = datetime.now(UTC)
    rows = [{"id": new_id(), "chain": chain, "address": one.hex(), "script": one, "created_at": now} for one in scripts]
    session.execute(insert(DepositAddress), rows)


def kept(container: Container, looks: ScriptFilter, scripts: list[bytes]) -> list[bytes]:
    with container.transaction() as session:
        return [scripts[place] for place in looks.candidates(session, scripts)]


def test_ours_are_kept_and_nearly_all_others_are_not(
    container: Container, looks: ScriptFilter, dice: random.Random
) -> None:
    ours, strangers = some(dice, 300), [b"\x00\x14" + dice.randbytes(20) for _ in range(2000)]
    for part in (ours[:100], ours[100:]):
        with container.transaction() as session:
            add(session, part)
        found = kept(container, looks, [*part, *strangers])
        assert found[: len(part)] == part
        assert len(found) < len(part) + 20
    assert kept(container, looks, ours) == ours


def test_an_address_that_commits_after_later_ones_were_seen_is_not_missed(
    container: Container, own_database: Database, looks: ScriptFilter, dice: random.Random
) -> None:
    early, late = some(dice, 2)
    with closing(psycopg2.connect(own_database.url.reveal())) as slow:
        slow.cursor().execute(INSERT, (str(new_id()), CHAIN, "early", early))
        for _ in range(3):
            with container.transaction() as session:
                add(session, [dice.randbytes(20)])
            assert kept(container, looks, [early]) == []
        with container.transaction() as session:
            add(session, [late])
        assert kept(container, looks, [late]) == [late]
        slow.commit()
    assert kept(container, looks, [early, late]) == [early, late]


def test_a_transaction_sees_its_own_addresses(container: Container, looks: ScriptFilter, dice: random.Random) -> None:
    before, own = some(dice, 2)
    with container.transaction() as session:
        add(session, [before])
        assert looks.candidates(session, [before, own]) == [0]
        add(session, [own])
        assert looks.candidates(session, [before, own]) == [0, 1]


def test_each_chain_has_its_own_addresses(container: Container, looks: ScriptFilter, dice: random.Random) -> None:
    [script] = some(dice, 1)
    with container.transaction() as session:
        add(session, [script], chain=OTHER)
    assert kept(container, looks, [script]) == []
    assert kept(container, ScriptFilter(OTHER), [script]) == [script]


def test_with_more_addresses_than_there_was_room_for_it_is_made_anew(
    container: Container, looks: ScriptFilter, dice: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script_filter, "BITS_MIN", 1 << 8)
    ours = some(dice, 200)
    sizes = set()
    for start in range(0, 200, 20):
        with container.transaction() as session:
            add(session, ours[start : start + 20])
        assert kept(container, looks, ours[: start + 20]) == ours[: start + 20]
        sizes.add(len(looks._bits))
    assert len(sizes) > 1


def test_after_a_restore_nothing_is_believed_that_was_known_before(
    container: Container, looks: ScriptFilter, dice: random.Random
) -> None:
    ours = some(dice, 5)
    with container.transaction() as session:
        add(session, ours)
    assert kept(container, looks, ours) == ours
    # As a process that lived through it would have it: another table's bits, and a place in another server's numbers.
    looks._of, looks._since, looks._bits = "another", 2**60, bytearray(len(looks._bits))
    assert kept(container, looks, ours) == ours


def test_with_too_many_addresses_all_are_looked_up(
    container: Container, looks: ScriptFilter, dice: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script_filter, "ADDRESSES_MAX", 3)
    ours = some(dice, 5)
    for _ in range(2):
        with container.transaction() as session:
            add(session, [dice.randbytes(20) for _ in range(4)])
        assert kept(container, looks, ours) == ours
