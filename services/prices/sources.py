"""Which pairs are priced, by which rule and from which sources."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError, ensure
from domain.prices import InvalidPrice, PriceRule, parse_pair
from models.price import PricePair, PriceSource
from services import alerts, audit

ALERT = "reference_price_stale"
MANUAL = "operator"
"""The source name of operators' own prices; no source may have it."""


class PairMissing(StrongroomError):
    """This price pair is not followed."""

    code: ClassVar[str] = "pair_missing"


class SourceMissing(StrongroomError):
    """There is no such price source."""

    code: ClassVar[str] = "source_missing"


def set_rule(session: Session, pair: str, rule: PriceRule, *, now: datetime, by: Actor) -> PricePair:
    """Follow a pair, or change the rule of its price. Raises InvalidPrice."""
    row = session.get(PricePair, parse_pair(pair), with_for_update=True) or PricePair(pair=pair)
    row.max_age_s, row.unfollowed_at = int(rule.max_age.total_seconds()), None
    row.sources_min, row.outlier_bps = rule.sources_min, rule.outlier_bps
    session.add(row)
    session.flush()
    detail = {"pair": pair, "max_age_s": row.max_age_s, "sources_min": row.sources_min, "outlier_bps": row.outlier_bps}
    audit.record(session, "price.rule_set", by=by, now=now, detail=detail)
    return row


def followed(session: Session, pair: str) -> PricePair | None:
    """The rule of a pair, if it is followed."""
    row = session.get(PricePair, pair)
    return None if row is None or row.unfollowed_at is not None else row


def unfollow(session: Session, pair: str, *, now: datetime, by: Actor) -> None:
    """Stop following a pair: its sources are not asked, and its alert ends.

    The recorded prices stay; a new rule follows the pair again. Raises PairMissing.
    """
    row = session.get(PricePair, pair, with_for_update=True)
    if row is None or row.unfollowed_at is not None:
        raise PairMissing(f"no price of {pair!r} is followed here")
    row.unfollowed_at = now
    session.execute(delete(PriceSource).where(PriceSource.pair == pair))
    alerts.clear(session, ALERT, scope=scope_of(pair), now=now, reason="its price is not followed any more")
    audit.record(session, "price.unfollowed", by=by, now=now, detail={"pair": pair})


def scope_of(pair: str) -> str:
    """The scope of the alert about a pair."""
    return f"price:{pair}"


def add_source(
    session: Session,
    pair: str,
    name: str,
    *,
    interval_s: int,
    now: datetime,
    by: Actor,
    url: str = "",
    price_path: str = "",
    time_path: str = "",
    key_header: str = "",
    fixed: Decimal | None = None,
) -> PriceSource:
    """Add or replace a source of this price: an address to ask, or a fixed price.

    `key_header` names the header in which the source wants its key, which the settings hold under the source's name; no
    key is stored. Raises PairMissing, and InvalidPrice for the name reserved for operators.
    """
    if name == MANUAL:
        raise InvalidPrice(f"{MANUAL!r} is nobody to be asked: operators give their own word under it")
    ensure(bool(url) != (fixed is not None), "a source is an address or a fixed price")
    if followed(session, pair) is None:
        raise PairMissing(f"there is no pair {pair!r}; set its rule first")
    row = session.get(PriceSource, (pair, name), with_for_update=True) or PriceSource(pair=pair, name=name)
    row.kind = "http" if url else "fixed"
    row.url, row.price_path, row.time_path = url or None, price_path or None, time_path or None
    row.key_header = key_header or None
    row.fixed_price, row.interval_s, row.due_at, row.failures, row.last_error = fixed, interval_s, now, 0, None
    session.add(row)
    session.flush()
    # The query of the address may hold a key: only the rest goes into the log.
    detail = {"pair": pair, "name": name, "kind": row.kind, "url": url.partition("?")[0]}
    audit.record(session, "price.source_added", by=by, now=now, detail=detail)
    return row


def remove_source(session: Session, pair: str, name: str, *, now: datetime, by: Actor) -> None:
    """Ask a source no more and ignore its prices, which stay on record. Raises SourceMissing."""
    row = session.get(PriceSource, (pair, name), with_for_update=True)
    if row is None:
        raise SourceMissing
    session.delete(row)
    audit.record(session, "price.source_removed", by=by, now=now, detail={"pair": pair, "name": name})


def of_pair(session: Session, pair: str) -> Sequence[PriceSource]:
    """The sources of a price, by name."""
    return session.scalars(select(PriceSource).where(PriceSource.pair == pair).order_by(PriceSource.name)).all()
