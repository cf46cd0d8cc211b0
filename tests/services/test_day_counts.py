"""The count of what the house lets out in a day is exact, whatever is asked for, taken back, and set as its limit."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from tests.ledger.conftest import open_assets

_COUNT = text("SELECT withdrawal_day_count('GOLD', :day, :amount, :limit)")
_TOTAL = text("SELECT coalesce(sum(requested_minor), 0) FROM withdrawal_days WHERE day = :day")

# A request under the limit of its moment, or (None) what was asked for first and stands is taken back.
STEPS = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 100)) | st.none(), min_size=1, max_size=25)


@pytest.fixture
def engine(own_engine: Engine) -> Engine:
    open_assets(own_engine)
    return own_engine


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, data=st.data())
def test_the_count_is_the_sum_of_what_stands_and_never_above_the_limit_of_a_request(
    engine: Engine, steps: list[tuple[int, int] | None], data: st.DataObject
) -> None:
    with engine.connect() as connection, connection.begin() as whole:
        standing: list[int] = []
        for step in steps:
            if step is None:
                if standing:
                    amount = standing.pop(data.draw(st.integers(0, len(standing) - 1)))
                    connection.execute(_COUNT, {"day": "2026-05-04", "amount": -amount, "limit": None})
                continue
            amount, limit = step
            is_within = sum(standing) + amount <= limit
            try:
                with connection.begin_nested():
                    connection.execute(_COUNT, {"day": "2026-05-04", "amount": amount, "limit": limit})
            except IntegrityError:
                assert not is_within
            else:
                assert is_within
                standing.append(amount)
            assert connection.execute(_TOTAL, {"day": "2026-05-04"}).scalar_one() == sum(standing)
        whole.rollback()
