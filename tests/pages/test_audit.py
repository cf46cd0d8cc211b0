"""The operator's audit page: what it shows to whom, its filters, its pages and its CSV."""

import csv
import io

from domain.actor import Actor
from services import audit
from tests.api.house import House
from tests.pages.reader import Reader, words


def fill(house: House, event: str, count: int, *, user_agent: str = "test") -> None:
    with house.container.transaction() as session:
        for number in range(count):
            audit.record(
                session,
                event,
                by=Actor("visitor", address="192.0.2.7", user_agent=user_agent),
                now=house.container.now(),
                success=False,
                detail={"number": number, "reason": "invalid_signature"},
            )


def test_only_operators_see_it(house: House, owner: Reader) -> None:
    assert owner.get("/operator/audit").status_code == 403
    assert owner.get("/operator/audit.csv").status_code == 403


def test_lines_are_filtered_and_paged_without_gaps(house: House, approver: Reader) -> None:
    fill(house, "test_event", 150)
    first = approver.get("/operator/audit?event=test_event&outcome=refused&address=192.0.2.7")
    assert first.text.count("invalid_signature</summary>") == 100
    older = first.text.split('href="/operator/audit?event=test_event&amp;')[1].split('"')[0].replace("&amp;", "&")
    second = approver.get(f"/operator/audit?event=test_event&{older}")
    assert second.text.count("invalid_signature</summary>") == 50
    assert "Older" not in words(second)
    assert "Nothing on record fits." in approver.text("/operator/audit?event=test_event&outcome=done")


def test_what_is_typed_into_a_filter_is_never_a_fault(approver: Reader) -> None:
    for query in ("user=nonsense", "before=99999999999999999999999", "before=-1", "event=%00", "address='--"):
        assert approver.get(f"/operator/audit?{query}").status_code == 200, query
        assert approver.get(f"/operator/audit.csv?{query}").status_code == 200, query


def test_the_file_has_every_line_and_no_formula(house: House, approver: Reader) -> None:
    fill(house, "formula_event", 1001, user_agent="=HYPERLINK(1)")
    answer = approver.get("/operator/audit.csv?event=formula_event")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 1001
    assert len({row["id"] for row in rows}) == 1001
    assert {row["user_agent"] for row in rows} == {"'=HYPERLINK(1)"}
