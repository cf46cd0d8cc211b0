"""What the drill says of each fault: when it was noticed and when it had healed, and in which order they come."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from domain import crash
from drill.incidents import Fault, Watch
from drill.report import Report
from drill.running import order


def nothing() -> None:
    """What this fault does."""


class Signs:
    """Whether a fault is noticed, stands and has healed, as a test says."""

    def __init__(self) -> None:
        self.noticed: datetime | None = None
        self.stands, self.healed, self.is_down = True, False, False

    def has_healed(self, _: datetime) -> bool:
        if self.is_down:
            raise httpx.ConnectError("nobody is there")
        return self.healed


@pytest.fixture
def signs() -> Signs:
    return Signs()


@pytest.fixture
def watch(signs: Signs) -> Watch:
    return Watch(lambda *_: signs.noticed, lambda _: signs.stands, lambda _: None)


def alerted(signs: Signs) -> Fault:
    return Fault("cut", "it is cut", nothing, signs.has_healed, noticed_by="chain_source_stale", ends_alert=True)


def test_a_fault_is_over_once_it_was_noticed_and_healed_and_its_alert_has_ended(watch: Watch, signs: Signs) -> None:
    watch.cause(alerted(signs))
    signs.is_down = True
    watch.look()
    assert watch.complaints() == ["cut has not healed", "cut was not noticed by chain_source_stale"]
    signs.is_down, signs.healed, signs.noticed = False, True, datetime.now(UTC)
    watch.look()
    assert watch.complaints() == ["cut has not healed"]
    signs.stands = False
    watch.look()
    assert watch.complaints() == []
    assert watch.is_over()


def test_a_fault_that_nobody_has_to_notice_has_healed_all_the_same(watch: Watch, signs: Signs) -> None:
    signs.healed = True
    watch.cause(replace(alerted(signs), noticed_by="", ends_alert=False))
    watch.look()
    assert watch.is_over()


def test_a_fault_that_lasts_is_put_right_when_its_time_is_over(watch: Watch, signs: Signs) -> None:
    signs.healed, done = True, list[str]()
    watch.cause(
        replace(alerted(signs), noticed_by="", ends_alert=False, hold_s=3600.0, recover=lambda: done.append(""))
    )
    watch.look()
    assert watch.has_lasting()
    assert not watch.is_over()
    watch.recover_all()
    watch.look()
    assert watch.is_over()
    assert done == [""]


def test_the_same_seed_has_the_same_faults_in_the_same_order(signs: Signs) -> None:
    deck = [replace(alerted(signs), name=f"fault {place}", begins_early=place < 2) for place in range(20)]
    plans = [[fault.name for _, fault in order(deck, seconds=100, seed=seed)] for seed in (7, 7, 8)]
    assert plans[0] == plans[1] != plans[2]
    assert sorted(plans[0]) == sorted(fault.name for fault in deck)
    assert {fault.name for at, fault in order(deck, seconds=100, seed=7) if at < 30} >= {"fault 0", "fault 1"}


def test_a_drill_with_a_complaint_has_failed_and_says_which(watch: Watch, signs: Signs, tmp_path: Path) -> None:
    watch.cause(alerted(signs))
    report = Report(1, 3.0, {"payments_in": 2}, watch.incidents, [], ["ValueError: of the drill"])
    report.write(tmp_path / "report.json")
    assert not report.passed
    assert "ValueError: of the drill" in report.table()
    assert report.to_json()["faults"][0]["noticed_s"] is None
    assert replace(report, faults_of_the_drill=[]).passed


def test_a_file_has_one_process_die_at_its_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    died: list[int] = []
    monkeypatch.setenv(crash.CRASH_ONCE_IN, str(tmp_path))
    monkeypatch.setattr("os.kill", lambda _, how: died.append(how))
    (tmp_path / "some.step").touch()
    crash.crash_point("another.step")
    assert died == []
    crash.crash_point("some.step")
    crash.crash_point("some.step")
    assert len(died) == 1
