"""Prices from services that lag, lie, hang and answer garbage, over real HTTP."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from adapters.http_json import NoAnswer
from adapters.prices.http import HttpPrices
from domain.actor import Actor
from domain.prices import PriceRule, PriceStale
from models.price import PriceSource, ReferencePrice
from services import alerts, prices
from tasks import prices as tasks
from tests.databases import Database, settings_for
from tests.fakes.json_service import JsonService, serving
from tests.plans import use_indexes
from wiring.container import Container, build_container
from wiring.examining_plain_http import examine_plain_http
from wiring.secret import Secret

BY = Actor("test")
PAIR = "BTC/USD"
RULE = PriceRule(timedelta(minutes=5), 1, 500)


@pytest.fixture
def parts(own_database: Database) -> Iterator[Container]:
    built = build_container(settings_for(own_database))
    built = replace(built, price_feed=HttpPrices(timeout_s=10))
    with built.transaction() as session:
        prices.set_rule(session, PAIR, RULE, now=built.now(), by=BY)
    yield built
    built.engine.dispose()


@pytest.fixture
def service() -> Iterator[JsonService]:
    with serving() as running:
        running.answer = {"result": [{"price": "64000.10", "at": None}]}
        yield running


def later(parts: Container, **by: int) -> Container:
    clock = parts.clock
    return replace(parts, clock=lambda: clock() + timedelta(**by))


def ask(parts: Container, service: JsonService, name: str = "first", *, time_path: str = "") -> None:
    with parts.transaction() as session:
        prices.add_source(
            session,
            PAIR,
            name,
            interval_s=60,
            url=f"{service.url}/{name}?key=secret",
            price_path="result.0.price",
            time_path=time_path,
            now=parts.now(),
            by=BY,
        )


def price(parts: Container) -> Decimal:
    with parts.reading() as session:
        return prices.current(session, PAIR, now=parts.now()).price


def standing(parts: Container) -> list[tuple[str, str | None]]:
    with parts.reading() as session:
        return [(row.alert_code, row.pair) for row in alerts.standing(session)]


@pytest.mark.causes("reference_price_stale")
def test_a_price_is_collected_exactly_and_refused_once_it_is_old(parts: Container, service: JsonService) -> None:
    service.answer = '{"result": [{"price": 0.1234567890123456789}]}'
    ask(parts, service)
    assert tasks.collect.run.__wrapped__(parts, BY) == 1
    assert price(parts) == Decimal("0.123456789012345679")
    assert tasks.collect.run.__wrapped__(parts, BY) == 0  # not due
    old = later(parts, minutes=6)
    with pytest.raises(PriceStale):
        price(old)
    service.trouble = "down"
    tasks.collect.run.__wrapped__(old, BY)
    assert standing(old) == [("reference_price_stale", PAIR)]
    service.trouble = ""
    newer = later(old, minutes=20)
    tasks.collect.run.__wrapped__(newer, BY)
    assert standing(newer) == []


@pytest.mark.parametrize("trouble", ["garbage", "nan", "deep", "huge", "down", "elsewhere", "hangs", "trickles"])
def test_whatever_goes_wrong_there_is_no_price_and_a_reason(
    parts: Container, service: JsonService, trouble: str
) -> None:
    service.trouble = trouble
    if trouble in {"hangs", "trickles"}:
        parts = replace(parts, price_feed=HttpPrices(timeout_s=0.3))
    ask(parts, service)
    assert tasks.collect.run.__wrapped__(parts, BY) == 0
    with parts.reading() as session:
        [source] = prices.of_pair(session, PAIR)
        assert source.failures == 1
        assert source.last_error
        assert "secret" not in source.last_error
    assert service.asked == ["/first?key=secret"]
    with pytest.raises(PriceStale):
        price(parts)


def test_a_source_that_lags_counts_by_the_time_it_tells(parts: Container, service: JsonService) -> None:
    at = parts.now() - timedelta(minutes=10)
    service.answer = {"result": [{"price": "5"}], "at": int(at.timestamp() * 1000)}
    ask(parts, service, time_path="at")
    assert tasks.collect.run.__wrapped__(parts, BY) == 1
    with pytest.raises(PriceStale):
        price(parts)


def test_a_source_from_the_future_is_not_believed(parts: Container, service: JsonService) -> None:
    service.answer = {"result": [{"price": "5"}], "at": (parts.now() + timedelta(hours=1)).isoformat()}
    ask(parts, service, time_path="at")
    assert tasks.collect.run.__wrapped__(parts, BY) == 0
    with parts.reading() as session:
        assert "future" in str(prices.of_pair(session, PAIR)[0].last_error)


def test_an_operators_word_and_a_fixed_price_are_sources_like_others(parts: Container, service: JsonService) -> None:
    with parts.transaction() as session:
        now = parts.now()
        prices.set_rule(session, PAIR, replace(RULE, sources_min=2), now=now, by=BY)
        prices.add_source(session, PAIR, "peg", interval_s=60, fixed=Decimal(100), now=now, by=BY)
        prices.set_manually(session, PAIR, Decimal(102), now=now, by=BY)
    tasks.collect.run.__wrapped__(parts, BY)
    assert price(parts) == 101
    with parts.reading() as session:
        [history] = prices.every(session, now=parts.now())
        assert [row.source for row in history.newest] == ["operator", "peg"]


def test_whoever_is_dropped_has_no_say_any_more(parts: Container) -> None:
    with parts.transaction() as session:
        now = parts.now()
        prices.set_manually(session, PAIR, Decimal(100), now=now, by=BY)
        for name, said in (("liar", 98), ("honest", 101)):
            prices.add_source(session, PAIR, name, interval_s=60, fixed=Decimal(said), now=now, by=BY)
    assert tasks.collect.run.__wrapped__(parts, BY) == 2
    assert price(parts) == 100
    with parts.transaction() as session:
        prices.remove_source(session, PAIR, "liar", now=parts.now(), by=BY)
    assert price(parts) == Decimal("100.5")
    with parts.reading() as session:
        [history] = prices.every(session, now=parts.now())
        assert [row.source for row in history.newest] == ["honest", "liar", "operator"], "it stays on record"


def test_what_was_said_can_neither_be_changed_nor_removed(parts: Container) -> None:
    with parts.transaction() as session:
        prices.set_manually(session, PAIR, Decimal(7), now=parts.now(), by=BY)
    for statement in (
        "UPDATE reference_prices SET price = 8",
        "DELETE FROM reference_prices",
        "SELECT set_config('strongroom.thins_prices', 'on', true); DELETE FROM reference_prices",
        "SELECT thin_reference_prices(now() - interval '6 days', 9)",
    ):
        with pytest.raises(DBAPIError), parts.transaction() as session:
            session.execute(text(statement))
    with parts.reading() as session:
        assert session.query(ReferencePrice).one().price == 7


def test_of_old_prices_the_last_of_every_hour_is_kept(parts: Container) -> None:
    hour = (parts.now() - timedelta(days=40)).replace(minute=0, second=0, microsecond=0)
    minutes = {"one": (0, 20, 59, 60, 61), "two": (20,)}
    with parts.transaction() as session:
        for source, said in minutes.items():
            for minute in said:
                at = hour + timedelta(minutes=minute)
                prices.record(session, PAIR, source, Decimal(minute + 1), observed_at=at, now=at, by=BY)
        young = parts.now() - timedelta(days=29)
        for second in (1, 2):
            at = young + timedelta(seconds=second)
            prices.record(session, PAIR, "one", Decimal(1), observed_at=at, now=at, by=BY)
    assert tasks.thin.run.__wrapped__(parts, BY) == 3
    assert tasks.thin.run.__wrapped__(parts, BY) == 0
    with parts.reading() as session:
        kept = [(row.source, int(row.price)) for row in session.query(ReferencePrice).order_by(ReferencePrice.id)]
    assert kept == [("one", 60), ("one", 62), ("two", 21), ("one", 1), ("one", 1)]


def test_thinning_reads_no_price_twice_however_many_there_are(parts: Container) -> None:
    hour = (parts.now() - timedelta(days=40)).replace(minute=0, second=0, microsecond=0)
    said = [hour + timedelta(minutes=minute) for minute in range(180)]
    with parts.transaction() as session:
        for at in said:
            prices.record(session, PAIR, "one", Decimal(1), observed_at=at, now=at, by=BY)
    with parts.transaction() as session:
        assert prices.thin(session, now=parts.now()) == (180, 177)
    with parts.transaction() as session:
        at = said[-1] + timedelta(seconds=1)
        prices.record(session, PAIR, "one", Decimal(1), observed_at=at, now=at, by=BY)
    with parts.transaction() as session:
        # A table as small as this one would be read as a whole.
        use_indexes(session)
        before = _prices_read(session)
        assert prices.thin(session, now=parts.now()) == (1, 0)
        assert _prices_read(session) - before < 10


def _prices_read(session: Session) -> int:
    """How many rows this connection has read lately."""
    query = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'reference_prices'"
    return int(session.execute(text(query)).scalar_one())


def test_a_key_comes_from_the_settings_and_goes_into_a_header(parts: Container, service: JsonService) -> None:
    with parts.transaction() as session:
        facts: dict[str, Any] = {"interval_s": 60, "url": service.url, "price_path": "result.0.price", "by": BY}
        for name in ("known", "unknown"):
            prices.add_source(session, PAIR, name, key_header="X-Key", now=parts.now(), **facts)
    settings = replace(parts.settings, price_keys=(("known", Secret("open sesame")),))
    assert tasks.collect.run.__wrapped__(replace(parts, settings=settings), BY) == 1
    assert [headers.get("X-Key") for headers in service.headers] == ["open sesame"]
    with parts.reading() as session:
        errors = {row.name: row.last_error for row in prices.of_pair(session, PAIR)}
    assert errors["known"] is None
    assert "has no key of unknown" in str(errors["unknown"])


def test_a_key_is_never_sent_where_others_read_it_unless_that_host_is_named(parts: Container) -> None:
    with parts.transaction() as session:
        prices.add_source(
            session, PAIR, "known", interval_s=60, url="http://prices.invalid/now", price_path="price",
            key_header="X-Key", now=parts.now(), by=BY,
        )  # fmt: skip
    settings = replace(parts.settings, price_keys=(("known", Secret("open sesame")),))
    heard: list[str] = []

    class Heard(HttpPrices):
        def ask(self, url: str, **_: Any) -> tuple[Decimal, None]:
            heard.append(url)
            return Decimal(7), None

    def found_out(allowed: str) -> tuple[bool, str, list[str]]:
        house = replace(parts, settings=replace(settings, plain_http_hosts=allowed), price_feed=Heard())
        with house.transaction() as session:
            session.execute(update(PriceSource).values(due_at=house.now()))
        tasks.collect.run.__wrapped__(house, BY)
        with parts.reading() as session:
            [source] = prices.of_pair(session, PAIR)
        return bool(heard), str(source.last_error), [finding.state for finding in examine_plain_http(house)]

    refusal = "it was not asked: its key would travel over plain http to prices.invalid"
    assert found_out("") == (False, refusal, ["wrong"])
    assert found_out("prices.invalid") == (True, "None", [])


def test_an_answer_without_the_price_says_so(service: JsonService) -> None:
    with pytest.raises(NoAnswer, match=r"nothing at 'result\.7"):
        HttpPrices().ask(service.url, price_path="result.7.price", time_path=None)
