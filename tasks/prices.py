"""Ask for prices, and raise alerts when they are not fresh."""

from datetime import datetime
from decimal import Decimal
from functools import partial

import structlog

from adapters.http_json import NoAnswer
from domain.actor import Actor
from domain.cleartext import allowed_hosts, in_the_clear
from domain.prices import InvalidPrice
from models.price import PriceSource
from services import prices
from tasks.app import task
from tasks.batches import drop_all
from tasks.rounds import visit
from wiring.container import Container

log = structlog.get_logger(__name__)


@task("prices.collect")
def collect(container: Container, by: Actor) -> int:
    """Ask every source that is due. Returns how many prices are new."""
    with container.transaction() as session:
        due = prices.claim_due(session, now=container.now())
    found = visit("prices.collect", {f"{one.pair} {one.name}": partial(_ask, container, one, by) for one in due})
    with container.transaction() as session:
        prices.watch(session, now=container.now())
    return found


@task("prices.thin")
def thin(container: Container, by: Actor) -> int:
    """Thin old prices out to one per hour. Returns how many rows are gone."""
    thin_some = partial(prices.thin, now=container.now())
    return drop_all(container, thin_some, batch=prices.BATCH)


def _ask(container: Container, source: PriceSource, by: Actor) -> bool:
    try:
        price, observed_at = _said(container, source)
        with container.transaction() as session:
            now = container.now()
            return prices.record(
                session, source.pair, source.name, price, observed_at=observed_at or now, now=now, by=by
            )
    except (NoAnswer, InvalidPrice) as refusal:
        log.warning("price_source_failed", pair=source.pair, source=source.name, reason=str(refusal))
        with container.transaction() as session:
            prices.note_failure(session, source.pair, source.name, reason=str(refusal), now=container.now())
        return False


def _said(container: Container, source: PriceSource) -> tuple[Decimal, datetime | None]:
    if source.fixed_price is not None:
        return source.fixed_price, None
    url, price_path, headers = source.url or "", source.price_path or "", _headers(container, source)
    return container.price_feed.ask(url, price_path=price_path, time_path=source.time_path, headers=headers)


def _headers(container: Container, source: PriceSource) -> dict[str, str]:
    if source.key_header is None:
        return {}
    key = dict(container.settings.price_keys).get(source.name)
    if key is None:
        raise NoAnswer(f"it was not asked: STRONGROOM_PRICE_KEYS has no key of {source.name}")
    host = in_the_clear(source.url or "", allowed_hosts(container.settings.plain_http_hosts))
    if host:
        raise NoAnswer(f"it was not asked: its key would travel over plain http to {host}")
    return {source.key_header: key.reveal()}
