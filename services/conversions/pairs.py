"""Which assets the house converts into which, and on which terms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.conversions import PPM, Charges
from domain.errors import StrongroomError
from models.asset import Asset
from models.conversion import ConversionPair
from services import assets, audit, prices
from services.prices import PairMissing
from services.prices.sources import followed

LIFETIME_MIN: Final = timedelta(seconds=1)
LIFETIME_MAX: Final = timedelta(hours=1)
_RANGE: Final = "the minimum is more than nothing and at most the maximum"


class ConversionPairMissing(StrongroomError):
    """This conversion is not offered."""

    code: ClassVar[str] = "conversion_pair_missing"


class ConversionPairPaused(StrongroomError):
    """An operator has paused this conversion."""

    code: ClassVar[str] = "conversion_pair_paused"


class InvalidConversionPair(StrongroomError):
    """Invalid terms: a pair takes two assets, prices in the same currency, and charges below 100 %."""

    code: ClassVar[str] = "invalid_conversion_pair"


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms on which one asset is converted into another. Amounts are in the smallest unit of the asset sold.

    `from_price` and `to_price` name reference prices in the same money; "" stands for the asset's own price in dollars.
    """

    charges: Charges
    minimum_minor: int
    maximum_minor: int
    quote_lifetime: timedelta
    tolerance_ppm: int
    from_price: str = ""
    to_price: str = ""


def set_terms(
    session: Session, from_asset_id: str, to_asset_id: str, terms: Terms, *, now: datetime, by: Actor
) -> ConversionPair:
    """Set the terms of a conversion from now on; existing quotes keep theirs.

    Raises UnknownAsset, PairMissing, InvalidConversionPair.
    """
    sold, bought = assets.get(session, from_asset_id), assets.get(session, to_asset_id)
    _check(terms, is_same=sold.asset_id == bought.asset_id)
    key = (from_asset_id, to_asset_id)
    row = session.get(ConversionPair, key, with_for_update=True)
    if row is None:
        row = ConversionPair(from_asset_id=from_asset_id, to_asset_id=to_asset_id, is_open=True)
    row.from_price, row.to_price = _price(session, sold, terms.from_price), _price(session, bought, terms.to_price)
    if _money(row.from_price) != _money(row.to_price):
        raise InvalidConversionPair(f"{row.from_price} and {row.to_price} are not priced in the same money")
    row.spread_ppm, row.fee_ppm = terms.charges.spread_ppm, terms.charges.fee_ppm
    row.minimum_minor, row.maximum_minor = terms.minimum_minor, terms.maximum_minor
    row.quote_lifetime_s = int(terms.quote_lifetime.total_seconds())
    row.tolerance_ppm = terms.tolerance_ppm
    session.add(row)
    _changed(session, row, now=now, by=by)
    return row


def set_limits(
    session: Session, from_asset_id: str, to_asset_id: str, *, minimum_minor: int, maximum_minor: int, now: datetime,
    by: Actor,
) -> ConversionPair:  # fmt: skip
    """Set the least and the most that is converted at once, in the smallest unit of the asset sold; the rest stays.

    Raises ConversionPairMissing, InvalidConversionPair.
    """
    row = _locked(session, from_asset_id, to_asset_id)
    _keep({_RANGE: 0 < minimum_minor <= maximum_minor})
    row.minimum_minor, row.maximum_minor = minimum_minor, maximum_minor
    _changed(session, row, now=now, by=by)
    return row


def set_open(
    session: Session, from_asset_id: str, to_asset_id: str, *, is_open: bool, now: datetime, by: Actor
) -> ConversionPair:
    """Pause a pair, or resume it. Conversions that were requested and not carried out fail while it is paused.

    Raises ConversionPairMissing.
    """
    row = _locked(session, from_asset_id, to_asset_id)
    row.is_open, row.changed_at = is_open, now
    session.flush()
    event = "conversion.resumed" if is_open else "conversion.paused"
    audit.record(session, event, by=by, now=now, detail={"pair": spell(row)})
    return row


def every(session: Session) -> Sequence[ConversionPair]:
    """All pairs, by the assets sold and bought."""
    order = (ConversionPair.from_asset_id, ConversionPair.to_asset_id)
    return session.scalars(select(ConversionPair).order_by(*order)).all()


def any_open(session: Session) -> bool:
    """Whether anything is converted here at present."""
    return bool(session.scalar(select(exists().where(ConversionPair.is_open))))


def usable(session: Session, from_asset_id: str, to_asset_id: str) -> ConversionPair:
    """The pair, if it is open. Raises ConversionPairMissing, ConversionPairPaused."""
    row = session.get(ConversionPair, (from_asset_id, to_asset_id))
    if row is None:
        what = f"this house does not convert {from_asset_id} into {to_asset_id}"
        raise ConversionPairMissing(what, fields={"to_asset": ["is not what this house converts that into"]})
    if not row.is_open:
        raise ConversionPairPaused
    return row


def spell(row: ConversionPair) -> str:
    """A pair in words: "BTC > USDC"."""
    return f"{row.from_asset_id} > {row.to_asset_id}"


def _locked(session: Session, from_asset_id: str, to_asset_id: str) -> ConversionPair:
    row = session.get(ConversionPair, (from_asset_id, to_asset_id), with_for_update=True)
    if row is None:
        raise ConversionPairMissing
    return row


def _changed(session: Session, row: ConversionPair, *, now: datetime, by: Actor) -> None:
    """Record changed terms in the audit log, with all terms as they are now."""
    row.changed_at = now
    session.flush()
    detail = {
        "pair": spell(row), "spread_ppm": row.spread_ppm, "fee_ppm": row.fee_ppm,
        "minimum_minor": str(row.minimum_minor), "maximum_minor": str(row.maximum_minor),
        "quote_lifetime_s": row.quote_lifetime_s, "tolerance_ppm": row.tolerance_ppm, "from_price": row.from_price,
        "to_price": row.to_price,
    }  # fmt: skip
    audit.record(session, "conversion.terms_set", by=by, now=now, detail=detail)


def _check(terms: Terms, *, is_same: bool) -> None:
    charges = terms.charges
    charged_ppm = charges.spread_ppm + charges.fee_ppm
    holds = {
        "an asset is converted into another one": not is_same,
        "spread and fee leave something": min(charges.spread_ppm, charges.fee_ppm) >= 0 and charged_ppm < PPM,
        _RANGE: 0 < terms.minimum_minor <= terms.maximum_minor,
        "a quote holds for a second to an hour": LIFETIME_MIN <= terms.quote_lifetime <= LIFETIME_MAX,
        "the tolerance is a share in millionths": 0 <= terms.tolerance_ppm <= PPM,
    }
    _keep(holds)


def _keep(holds: Mapping[str, bool]) -> None:
    broken = [rule for rule, is_kept in holds.items() if not is_kept]
    if broken:
        raise InvalidConversionPair(f"the rule is: {broken[0]}")


def _price(session: Session, asset: Asset, named: str) -> str:
    pair = named or prices.pair_of(asset)
    if not pair:
        raise InvalidConversionPair(f"{asset.asset_id} is test money, which is worth nothing: name its price")
    if followed(session, pair) is None:
        raise PairMissing(f"there is no price of {pair} here; follow it first")
    return pair


def _money(pair: str) -> str:
    return pair.partition("/")[2]
