"""Ask for prices, and tell when they are not fresh."""

from datetime import datetime
from decimal import Decimal

import structlog

from adapters.http_json import NoAnswer
from domain.actor import Actor
from domain.prices import InvalidPrice
from models.price import PriceSource
from services import prices
from tasks.app import task
from wiring.container import Container

log = structlog.get_logger(__name__)


@task("prices.collect")
def collect(container: Container, by: Actor) -> int:
    """Ask every source that is due. Returns how many prices are new."""
    with container.transaction() as session:
        due = prices.claim_due(session, now=container.now())
    found = sum(_ask(container, source, by) for source in due)
    with container.transaction() as session:
        prices.watch(session, now=container.now())
    return found


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
    url, price_path = source.url or "", source.price_path or ""
    return container.price_feed.ask(url, price_path=price_path, time_path=source.time_path)
