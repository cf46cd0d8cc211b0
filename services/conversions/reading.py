"""Look at quotes and conversions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.errors import StrongroomError
from models.conversion import Conversion, ConversionQuote


class QuoteNotFound(StrongroomError):
    """The quote does not exist, is not yours, or expired so long ago that it was deleted."""

    code: ClassVar[str] = "quote_not_found"


class ConversionNotFound(StrongroomError):
    """There is no such conversion, or it is not yours to see."""

    code: ClassVar[str] = "conversion_not_found"


@dataclass(frozen=True, slots=True)
class ConversionView:
    """A conversion and the quote that it is on, which has its amounts."""

    conversion: Conversion
    quote: ConversionQuote


def quote_of(session: Session, quote_id: UUID, *, user_id: UUID, client_id: str | None = None) -> ConversionQuote:
    """A quote of this user's; with `client_id`, only if that app asked for it. Raises QuoteNotFound."""
    row = session.get(ConversionQuote, quote_id)
    if row is None or row.user_id != user_id or (client_id is not None and row.client_id != client_id):
        raise QuoteNotFound
    return row


def of_quote(session: Session, quote_id: UUID) -> Conversion:
    """The conversion for which a quote was used."""
    return session.scalars(select(Conversion).where(Conversion.quote_id == quote_id)).one()


def one(session: Session, conversion_id: UUID, *, user_id: UUID) -> ConversionView:
    """A conversion of this user's. Raises ConversionNotFound."""
    row = session.get(Conversion, conversion_id)
    if row is None or row.user_id != user_id:
        raise ConversionNotFound
    return ConversionView(row, session.get_one(ConversionQuote, row.quote_id))


def newest(session: Session, user_id: UUID, *, before: UUID | None, limit: int) -> Sequence[ConversionView]:
    """A page of a user's conversions, newest first, older than `before`."""
    query = (
        select(Conversion, ConversionQuote)
        .join(ConversionQuote, ConversionQuote.id == Conversion.quote_id)
        .where(Conversion.user_id == user_id)
        .order_by(Conversion.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(Conversion.id < before)
    return [ConversionView(conversion, quote) for conversion, quote in session.execute(query)]
