"""The current price of a pair, or the refusal to state one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.prices import InvalidPrice, Observed, Price, PriceDisputed, PriceRule, PriceStale, conclude, parse_pair
from domain.rails import RAILS
from models.asset import Asset
from models.price import PricePair, ReferencePrice
from services import assets, audit
from services.prices.sources import MANUAL, PairMissing, followed

FIAT = "USD"

# A loose index scan from one source to the next: a DISTINCT would read every price of the pair.
_NEWEST = text(
    """
    WITH RECURSIVE sources (source) AS (
        (SELECT source FROM reference_prices WHERE pair = :pair ORDER BY source LIMIT 1)
        UNION ALL
        SELECT (SELECT source FROM reference_prices WHERE pair = :pair AND source > sources.source
            ORDER BY source LIMIT 1)
        FROM sources WHERE sources.source IS NOT NULL
    )
    SELECT newest.* FROM sources CROSS JOIN LATERAL (
        SELECT * FROM reference_prices AS said WHERE said.pair = :pair AND said.source = sources.source
            AND said.observed_at >= coalesce(CAST(:since AS timestamptz), '-infinity')
        ORDER BY said.observed_at DESC, said.id DESC LIMIT 1) AS newest
    WHERE NOT :trusted OR newest.source = :manual
        OR EXISTS (SELECT FROM price_sources AS asked WHERE asked.pair = :pair AND asked.name = newest.source)
    ORDER BY newest.source
    """
)


@dataclass(frozen=True, slots=True)
class History:
    """One pair as operators see it: the price or why there is none, and the latest from every source."""

    rule: PricePair
    price: Price | None
    refusal: str
    newest: Sequence[ReferencePrice]


def current(session: Session, pair: str, *, now: datetime) -> Price:
    """The price on which the fresh sources of a pair agree. Raises PairMissing, PriceStale, PriceDisputed."""
    rule = followed(session, pair)
    if rule is None:
        raise PairMissing(f"there is no price of {pair} here")
    said = [Observed(row.source, row.price, row.observed_at) for row in newest(session, pair, rule, now=now)]
    return conclude(pair, said, _rule(rule), now=now)


def newest(session: Session, pair: str, rule: PricePair, *, now: datetime) -> Sequence[ReferencePrice]:
    """The latest fresh price from every present source and from operators; sources that were dropped do not count."""
    since = now - timedelta(seconds=rule.max_age_s)
    return _newest(session, pair, since, trusted=True)


def every(session: Session, *, now: datetime) -> list[History]:
    """All followed pairs, each with everything known of it, however old."""
    query = select(PricePair).where(PricePair.unfollowed_at.is_(None)).order_by(PricePair.pair)
    return [_history(session, rule, now) for rule in session.scalars(query)]


def history(session: Session, pair: str, *, limit: int, before: int | None = None) -> Sequence[ReferencePrice]:
    """The prices reported for a pair, newest first, older than row `before`."""
    query = select(ReferencePrice).where(ReferencePrice.pair == pair).order_by(ReferencePrice.id.desc()).limit(limit)
    return session.scalars(query if before is None else query.where(ReferencePrice.id < before)).all()


def read_many(session: Session, pairs: Iterable[str], *, now: datetime) -> Mapping[str, Price]:
    """The prices of those pairs that have one; the others are absent, never guessed."""
    found = {}
    for pair in set(pairs):
        try:
            found[pair] = current(session, pair, now=now)
        except (PairMissing, PriceStale, PriceDisputed):
            continue
    return found


def of_assets(session: Session, kept: Iterable[Asset], *, now: datetime) -> Mapping[str, Price]:
    """The price in dollars of each asset that has one, by asset id. Test money is worth nothing."""
    wanted = {asset.asset_id: pair for asset in kept if (pair := pair_of(asset))}
    if not wanted:
        return {}
    priced = read_many(session, wanted.values(), now=now)
    return {asset_id: priced[pair] for asset_id, pair in wanted.items() if pair in priced}


def pair_of(asset: Asset) -> str:
    """The pair by which an asset is valued in dollars; "" where there is none, and for test money.

    The asset's row names it. Where the row is silent, assets that ship with this house have a default by symbol; an
    asset that an operator added is worth nothing until they name a pair, whatever its symbol is.
    """
    rail = RAILS.get(asset.chain)
    if rail is None or rail.is_test:
        return ""
    if asset.priced_as is not None:
        return asset.priced_as
    of_asset = (asset.asset_id, asset.contract)
    return next((f"{row.symbol}/{FIAT}" for row in rail.assets if (row.asset_id, row.contract) == of_asset), "")


def price_as(session: Session, asset_id: str, pair: str, *, now: datetime, by: Actor) -> None:
    """Value an asset by this pair from now on, or ("") not at all. Raises UnknownAsset, InvalidPrice."""
    asset = assets.get(session, asset_id)
    if pair and not parse_pair(pair).endswith(f"/{FIAT}"):
        raise InvalidPrice(f"worth is shown in {FIAT}: the pair has to be one of something in {FIAT}")
    asset.priced_as = pair
    audit.record(session, "asset.priced_as", by=by, now=now, detail={"asset_id": asset_id, "pair": pair})


def _history(session: Session, rule: PricePair, now: datetime) -> History:
    said = _newest(session, rule.pair, None, trusted=False)
    try:
        price, refusal = current(session, rule.pair, now=now), ""
    except (PriceStale, PriceDisputed) as error:
        price, refusal = None, str(error)
    return History(rule, price, refusal, said)


def _newest(session: Session, pair: str, since: datetime | None, *, trusted: bool) -> Sequence[ReferencePrice]:
    facts = {"pair": pair, "since": since, "trusted": trusted, "manual": MANUAL}
    return session.scalars(select(ReferencePrice).from_statement(_NEWEST), facts).all()


def _rule(row: PricePair) -> PriceRule:
    return PriceRule(timedelta(seconds=row.max_age_s), row.sources_min, row.outlier_bps)
