"""Every refusal has one status, one code, a meaning, and its line in the documentation."""

from collections import Counter

import pytest

from api import error_table
from api.statuses import HTTP_ERRORS, STATUS, status_of
from domain.errors import StrongroomError

REFUSALS = error_table.refusals()


@pytest.mark.parametrize("kind", REFUSALS, ids=lambda kind: kind.__name__)
def test_every_refusal_has_a_status_a_code_and_a_meaning(kind: type[StrongroomError]) -> None:
    assert 400 <= status_of(kind) <= 503
    assert kind.code.replace("_", "").isalpha()
    assert kind.code == kind.code.lower()
    assert (kind.__doc__ or "").strip().endswith("."), f"{kind.__name__} does not say what it means"


def test_no_refusal_is_mapped_where_its_base_says_the_same() -> None:
    repeated = [
        kind.__name__
        for kind, status in STATUS.items()
        if any(STATUS.get(base) == status for base in kind.__mro__[1:] if base in STATUS)
    ]
    assert repeated == []


def test_no_two_refusals_share_a_code() -> None:
    counts = Counter([*(kind.code for kind in REFUSALS), *HTTP_ERRORS])
    assert [code for code, count in counts.items() if count > 1] == []


def test_a_refusal_without_a_status_is_noticed() -> None:
    unmapped = type("Unmapped", (StrongroomError,), {"code": "unmapped"})
    with pytest.raises(LookupError):
        status_of(unmapped)


def test_the_documented_table_is_up_to_date() -> None:
    assert error_table.PAGE.read_text() == error_table.render(), "run: python -m api.error_table --write"
