"""The declarative base, shared column types, and the lease columns of work rows."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, MetaData, Numeric, Text, TypeDecorator, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class MinorUnits(TypeDecorator[int]):
    """An amount in the asset's smallest unit: NUMERIC(78,0) in PostgreSQL, `int` in Python, a float nowhere."""

    impl = Numeric(78, 0)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Decimal | None:
        """Hand PostgreSQL an exact number."""
        return None if value is None else Decimal(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> int | None:
        """Read an exact number back."""
        return None if value is None else int(value)


class UtcDateTime(TypeDecorator[datetime]):
    """A time: TIMESTAMP WITH TIME ZONE in PostgreSQL, aware and in UTC in Python; naive times are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive time."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a zone is not a moment")
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time in UTC."""
        return None if value is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The base of every table; one convention names the constraints, so that errors can be recognised by name."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        int: BigInteger,
        datetime: UtcDateTime,
        UUID: Uuid,
        dict[str, Any]: JSONB,
        list[str]: JSONB,
    }


class Leased:
    """Work that tasks claim when it is due, under a lease whose generation fences off late finishers."""

    due_at: Mapped[datetime | None]
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    lease_generation: Mapped[int] = mapped_column(default=0, server_default="0")
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
