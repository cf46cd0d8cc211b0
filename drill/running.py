"""The drill from beginning to end: set the scene, let people act, cause every fault, wait, judge."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx
from bitcoinrpc.authproxy import JSONRPCException

from drill import faults, finding, signs
from drill.house import House
from drill.incidents import SUPERVISOR, Fault, Watch
from drill.journal import Journal
from drill.judges import Verdict, judged
from drill.load import Load
from drill.mail_round import MailRound
from drill.report import Report
from drill.setting_up import Scene
from services import outbox

LOOK_EVERY_S: Final = 0.25
WORLD_EVERY_S: Final = 2.0
REST_PATIENCE_S: Final = 300.0
ASK_EVERY_S: Final = 10.0
FIRST_PART: Final = 0.3
"""The faults that last begin within this share of the time, so that they end in it."""

Say = Callable[[str], None]


def drill(directory: Path, *, minutes: float, seed: int, say: Say, only: Sequence[str] = ()) -> Report:
    """Drill a house of its own under this directory. Raises ServerFailed when it cannot even be set up."""
    journal, mail = Journal(), MailRound(seed)
    with House(directory) as house:
        scene = Scene(house, journal, mail.post, seed)
        mail.start(house.url)
        world = _World(scene)
        world.start()
        try:
            say("setting the scene")
            scene.set_up()
            return _drilled(scene, world, minutes=minutes, seed=seed, say=say, only=only)
        finally:
            world.stop()
            mail.stop()
            scene.close()


def order(deck: Sequence[Fault], *, seconds: float, seed: int) -> list[tuple[float, Fault]]:
    """When to cause each, in seconds from the beginning: the same for the same seed."""
    chance, plan = random.Random(seed), list[tuple[float, Fault]]()
    for is_early, share in ((True, FIRST_PART), (False, 1.0)):
        faults_then = [fault for fault in deck if fault.begins_early == is_early]
        chance.shuffle(faults_then)
        plan += [(seconds * share * place / len(faults_then), fault) for place, fault in enumerate(faults_then)]
    return sorted(plan, key=lambda planned: planned[0])


def _drilled(scene: Scene, world: "_World", *, minutes: float, seed: int, say: Say, only: Sequence[str]) -> Report:
    house = scene.house
    watch = Watch(lambda fault, since: _noticed(house, fault, since), lambda fault: _stands(house, fault), say)
    load = Load(scene.people, scene.rails, scene.journal, amounts=scene.amounts, seed=seed)
    every = faults.deck(scene, minutes=minutes, seed=seed)
    deck = [fault for fault in every if not only or any(words in fault.name for words in only)]
    load.start()
    say(f"people act; {len(deck)} faults in {minutes:g} minutes, in the order of seed {seed}")
    try:
        _hurt(watch, world, order(deck, seconds=60 * minutes, seed=seed), seconds=60 * minutes)
    finally:
        watch.recover_all()
        load.stop()
    say("nobody acts any more; waiting until everything has come to rest")
    ended = time.monotonic()
    rested = _await_rest(scene, world, watch)
    came_to_rest_s = time.monotonic() - ended if rested else None
    say("judging")
    verdicts = judged(scene.journal, finding.facts(scene))
    verdicts.append(Verdict("every fault has healed, and was noticed where it must be", watch.complaints()))
    return Report(
        seed, minutes, scene.journal.counts(), watch.incidents, verdicts, [*load.faults, *world.faults], came_to_rest_s
    )


def _hurt(watch: Watch, world: "_World", plan: Sequence[tuple[float, Fault]], *, seconds: float) -> None:
    began, waiting = time.monotonic(), list(plan)
    while waiting or watch.has_lasting() or time.monotonic() - began < seconds:
        if waiting and time.monotonic() - began >= waiting[0][0]:
            with world.lock:
                watch.cause(waiting.pop(0)[1])
        watch.look()
        time.sleep(LOOK_EVERY_S)


def _await_rest(scene: Scene, world: "_World", watch: Watch) -> bool:
    """Wait until nothing is under way, then until wallets agree while the world stands still; whether both happened."""
    if not _await(scene, watch, lambda: not finding.open_flows(scene.house.container)):
        return False
    for step in scene.house.disarm():
        watch.say(f"nobody passes {step} any more, so nobody has died there")
    if not _await(scene, watch, watch.is_over):
        return False
    # A wallet is compared at the block that its cursor stands on: while blocks come, that is a matter of luck.
    with world.lock:
        return _await(scene, watch, lambda: not finding.unrest(scene))


def _await(scene: Scene, watch: Watch, happened: Callable[[], bool]) -> bool:
    deadline, asked_at = time.monotonic() + REST_PATIENCE_S, 0.0
    while not happened():
        if time.monotonic() > deadline:
            return False
        watch.look()
        if time.monotonic() - asked_at > ASK_EVERY_S:
            asked_at = time.monotonic()
            with scene.house.container.transaction() as session:
                for task in ("buffers.compare", "sweeps.run"):
                    outbox.promise(session, task, now=scene.house.container.now())
        time.sleep(LOOK_EVERY_S)
    return True


def _noticed(house: House, fault: Fault, since: datetime) -> datetime | None:
    if fault.noticed_by == SUPERVISOR:
        return house.ended_since(fault.scope, since)
    return signs.raised_at(house, fault.noticed_by, fault.scope, since)


def _stands(house: House, fault: Fault) -> bool:
    return signs.stands(house, fault.noticed_by, fault.scope)


class _World:
    """The world outside goes on by itself: blocks, providers' decisions, an operator who approves what waits."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="world")
        self.lock = threading.Lock()
        """Held while something happens to the world."""
        self.faults: list[str] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(WORLD_EVERY_S):
            with self.lock:
                for rail in self._scene.rails:
                    self._attempt(rail.go_on)
            if self._scene.people:
                self._attempt(self._approve)

    def _attempt(self, step: Callable[[], Any]) -> None:
        try:
            step()
        except (OSError, JSONRPCException, httpx.TransportError, TimeoutError):
            # A node that is frozen: the next moment comes.
            return
        except Exception as fault:  # noqa: BLE001 - the drill has failed, and says so at its end
            self.faults.append(f"{type(fault).__name__}: {fault}")

    def _approve(self) -> None:
        operator = self._scene.operator
        path = "/api/v1/operator/withdrawals"
        waiting = operator.insist("GET", path, params={"state": "pending_approval"}).json()["items"]
        for item in waiting:
            operator.insist("POST", f"{path}/{item['id']}/approve", json={})
