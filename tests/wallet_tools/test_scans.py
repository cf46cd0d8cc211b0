"""One scan at a time, visible while it runs and while others wait; a dead node or a dead worker costs time only."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.ids import new_id
from domain.node_refusals import ScanInProgress
from domain.ports import understands_descriptors
from domain.scanning import ScanObject, ScanResult
from services import watch_wallets
from services.leases import LeaseLost
from services.watch_wallets import ScanOrder, scanning
from tasks.watch_wallets import derive_chain, scan_chain
from tests.api.house import House
from tests.rail import BY, Rail
from tests.services.threads import at_once
from tests.wallet_tools.keys import extended
from tests.wallet_tools.watcher import Watcher
from wiring.chains import build_chains
from wiring.secret import Secret
from wiring.settings import ChainSettings


def ready(watcher: Watcher, *, last: int = 0) -> str:
    """A wallet that waits for its first scan."""
    wallet_id: str = watcher.ask(f"wpkh({extended(new_id().hex)}/*)", range=last).get_json()["id"]
    watcher.derive()
    return wallet_id


def claim(rail: Rail, *, later: timedelta = timedelta()) -> ScanOrder | None:
    with rail.container.transaction() as session:
        now = rail.container.now() + later
        return watch_wallets.claim_scan(session, rail.chain.network.chain, owner="test", now=now)


def claimed(rail: Rail, *, later: timedelta = timedelta()) -> ScanOrder:
    order = claim(rail, later=later)
    assert order is not None
    return order


def finish(rail: Rail, order: ScanOrder) -> int:
    with rail.container.transaction() as session:
        result = ScanResult((), 7, "00")
        return watch_wallets.finish_scan(
            session, rail.chain.network.chain, result, generation=order.generation, now=rail.container.now()
        )


def report(rail: Rail, order: ScanOrder, progress: int) -> None:
    with rail.container.transaction() as session:
        watch_wallets.report_scan(
            session, rail.chain.network.chain, generation=order.generation, progress=progress, now=rail.container.now()
        )


class Instead:
    """The chain of a rail, with another scan."""

    def __init__(self, rail: Rail, scan: Callable[..., ScanResult]) -> None:
        self._chain = rail.chain
        self.scan = scan
        self.aborted = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)

    def abort_scan(self) -> bool:
        self.aborted += 1
        return True


def test_a_scan_shows_its_progress_and_those_who_come_later_wait(watcher: Watcher, rail: Rail) -> None:
    first = ready(watcher)
    assert watcher.wallet(first)["scan"] == {"state": "waiting", "progress": None, "reason": None}
    order = claimed(rail)
    report(rail, order, 42)
    second = ready(watcher)
    assert watcher.wallet(first)["scan"] == {"state": "running", "progress": 42, "reason": None}
    assert watcher.wallet(second)["scan"] == {"state": "waiting", "progress": None, "reason": "scan_in_progress"}
    assert claim(rail) is None
    assert finish(rail, order) == 1
    assert watcher.wallet(first)["scan"]["state"] == "none"
    assert watcher.wallet(second)["scan"] == {"state": "waiting", "progress": None, "reason": None}
    assert watcher.scan() == 1


def test_the_node_is_asked_with_every_lease_renewed(watcher: Watcher, rail: Rail) -> None:
    ready(watcher)
    seen: list[str] = []

    def scan(objects: Sequence[ScanObject], *, report: Callable[[int], None]) -> ScanResult:
        for progress in (0, 55, 99):
            report(progress)
            seen.append(str(watcher.wallets()[0]["scan"]["progress"]))
        return rail.chain.scan(objects, report=report)

    assert scan_chain(rail.container, Instead(rail, scan)) == 1
    assert seen == ["0", "55", "99"]


def test_a_scan_of_somebody_else_at_the_node_is_waited_for(watcher: Watcher, rail: Rail) -> None:
    wallet_id = ready(watcher)

    def refuse(*_: object, **__: object) -> ScanResult:
        raise ScanInProgress

    elsewhere = Instead(rail, refuse)
    assert scan_chain(rail.container, elsewhere) == 0
    assert elsewhere.aborted == 0
    assert watcher.wallet(wallet_id)["scan"] == {"state": "waiting", "progress": None, "reason": "scan_in_progress"}
    assert claim(rail) is None  # not before its time
    assert finish(rail, claimed(rail, later=scanning.WAIT_MAX)) == 1


def test_a_worker_that_died_is_replaced_and_its_scan_at_the_node_ended(watcher: Watcher, rail: Rail) -> None:
    wallet_id = ready(watcher)
    lost = claimed(rail)
    assert claim(rail) is None
    later = rail.container.now() + scanning.LEASE
    at_last = replace(rail.container, clock=lambda: later)
    chain = Instead(rail, rail.chain.scan)
    assert scan_chain(at_last, chain) == 1
    assert chain.aborted == 1
    assert watcher.wallet(wallet_id)["scan"]["state"] == "none"
    with pytest.raises(LeaseLost):
        finish(rail, lost)
    with pytest.raises(LeaseLost):
        report(rail, lost, 50)


def test_an_abandoned_pass_that_nobody_waits_for_any_more_is_let_go(watcher: Watcher, rail: Rail) -> None:
    wallet_id = ready(watcher)
    claimed(rail)
    watcher.call("DELETE", f"/api/v1/watch-wallets/{wallet_id}")
    assert claim(rail, later=scanning.LEASE) is None
    ready(watcher)
    assert claimed(rail).follows_abandoned is False


def test_two_workers_make_one_pass(watcher: Watcher, rail: Rail) -> None:
    ready(watcher)
    scans = at_once(*[lambda: scan_chain(rail.container, rail.chain)] * 4)
    assert sorted(str(made) for made in scans) == ["1", "None", "None", "None"]


def test_two_workers_derive_a_wallet_once(watcher: Watcher, rail: Rail) -> None:
    watcher.ask(f"wpkh({extended(new_id().hex)}/*)", range=9_999)
    assert sum(at_once(*[lambda: derive_chain(rail.container, rail.chain, BY)] * 4)) == 1
    assert watcher.wallets()[0]["addresses"] == 10_000
    assert watcher.scan() == 1


def test_a_node_that_is_down_is_waited_for_and_said(own_rail: Rail) -> None:
    watcher = Watcher(own_rail, House(own_rail.container).person())
    waiting = ready(watcher)
    own_rail.node.stop()
    assert watcher.scan() == 0
    assert watcher.wallet(waiting)["scan"] == {"state": "waiting", "progress": None, "reason": "node_refused"}
    pending = watcher.ask(f"wpkh({extended('down')}/*)").get_json()["id"]
    assert watcher.derive() == 1
    shown = watcher.wallet(pending)
    assert (shown["state"], shown["waiting_reason"]) == ("pending", "node_refused")
    assert watcher.derive() == 0  # not before its time
    own_rail.node.start()
    soon = own_rail.container.now() + scanning.WAIT_MAX
    later = replace(own_rail.container, clock=lambda: soon)
    # It answers at another address than before.
    rail = ChainSettings(chain=own_rail.node.chain, rpc_url=Secret(own_rail.node.rpc_url), wallet="none")
    chain = build_chains((rail,))[rail.chain]
    assert understands_descriptors(chain)
    assert derive_chain(later, chain, BY) == 1
    assert scan_chain(later, chain) == 2
    assert {wallet["state"] for wallet in watcher.wallets()} == {"ready"}
    assert {wallet["scan"]["state"] for wallet in watcher.wallets()} == {"none"}


def test_a_wallet_that_changes_during_a_scan_is_left_out_of_it(watcher: Watcher, rail: Rail) -> None:
    body = f"wpkh({extended(new_id().hex)}/*)"
    kept = ready(watcher)
    changed = watcher.ask(body, range=1).get_json()["id"]
    forgotten = watcher.ask(f"wpkh({extended(new_id().hex)}/*)").get_json()["id"]
    watcher.derive()
    order = claimed(rail)
    assert len(order.objects) == 3
    watcher.ask(body, range=2)
    watcher.call("DELETE", f"/api/v1/watch-wallets/{forgotten}")
    assert finish(rail, order) == 1
    assert watcher.wallet(kept)["balance"]["height"] == 7
    assert watcher.wallet(changed)["balance"] is None


def test_a_descriptor_forgotten_while_it_is_derived_is_gone(watcher: Watcher, rail: Rail) -> None:
    wallet_id = watcher.ask(f"wpkh({extended(new_id().hex)}/*)").get_json()["id"]

    class Forgetting(Instead):
        def check(self, _descriptor: object) -> None:
            watcher.call("DELETE", f"/api/v1/watch-wallets/{wallet_id}")

    assert derive_chain(rail.container, Forgetting(rail, rail.chain.scan), BY) == 1
    assert watcher.wallets() == []


def test_a_pass_takes_those_who_waited_longest_and_no_more_than_fits(
    watcher: Watcher, rail: Rail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "ADDRESSES_PER_PASS", 10)
    waiting = [ready(watcher, last=last) for last in (20, 4, 4, 4)]
    sizes = []
    for _ in range(3):
        order = claimed(rail)
        sizes.append([indexes[1] for indexes in (scan.indexes for scan in order.objects) if indexes])
        finish(rail, order)
    assert sizes == [[20], [4, 4], [4]]
    assert {watcher.wallet(wallet_id)["scan"]["state"] for wallet_id in waiting} == {"none"}
