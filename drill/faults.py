"""Every way in which the drill hurts the house."""

import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Final

from drill import signs
from drill.house import House
from drill.incidents import SUPERVISOR, Fault
from drill.outside import NAIRA, AccountRail, CoinRail, CustodianRail
from drill.setting_up import Scene
from wiring.embedded.anvil import CHAIN
from wiring.embedded.node import NodeServer

# Not the worker that is frozen meanwhile: started anew, it would not be.
QUEUE_OF: Final = {"money": "money", "watch": "watch", "chores": "upkeep", "claims": "verify", "news": "notify"}
MONEY_KINDS: Final = ("deposit", "withdrawal")
REORGANISED: Final = 2
CUT_S: Final = 75.0
FROZEN_S: Final = 110.0
"""Longer than a queue may be silent before its alert, and than that is held."""
SHORT_S: Final = 3.0
FREEZE_S: Final = 6.0
FORGED: Final = 30
LOST: Final = 2

# Each step of the work at which a process is killed once, and the kinds of movements that it may have been about.
STEPS: Final = {
    "addresses.made": (),
    "deposit.mempool_read": ("deposit",),
    "deposit.mempool_recording": ("deposit",),
    "deposit.block_read": ("deposit",),
    "deposit.block_recording": ("deposit",),
    "deposit.block_recorded": ("deposit",),
    "deposit.crediting": ("deposit",),
    "deposit.credited": ("deposit",),
    "withdrawal.requested": ("withdrawal",),
    "withdrawal.claimed": ("withdrawal",),
    "withdrawal.built": ("withdrawal",),
    "withdrawal.storing": ("withdrawal",),
    "withdrawal.signed": ("withdrawal",),
    "withdrawal.sending": ("withdrawal",),
    "withdrawal.broadcast": ("withdrawal",),
    "withdrawal.recording": ("withdrawal",),
    "withdrawal.settling": ("withdrawal",),
    "withdrawal.settled": ("withdrawal",),
    "sweep.proposing": ("sweep",),
    "sweep.claimed": ("sweep",),
    "sweep.built": ("sweep",),
    "sweep.storing": ("sweep",),
    "sweep.signed": ("sweep",),
    "verification.claimed": ("verification",),
    "verification.looked": ("verification",),
    "verification.recording": ("verification",),
    "notification.acted": MONEY_KINDS,
    "outbox.relayed": MONEY_KINDS,
}
_ON_ACCOUNTS: Final = ("sweep.", "verification.")
# All that is claimed at once has one lease, of a minute or three: the next may die there only after that.
_SLOW: Final = ("sweep.", "verification.")
SLOW_EACH_MINUTES: Final = 1.5


def deck(scene: Scene, *, minutes: float, seed: int) -> list[Fault]:
    """Every fault that can be caused here, in the order in which they are written down.

    Of the steps that one death after another has to wait for, a short drill has only some, by its seed.
    """
    house, chance = scene.house, random.Random(seed)
    steps = list(_steps(scene))
    for family in _SLOW:
        those = [fault for fault in steps if family in fault.name]
        left_out = chance.sample(those, max(0, len(those) - max(1, int(minutes / SLOW_EACH_MINUTES))))
        steps = [fault for fault in steps if fault not in left_out]
    return [*_cut(scene), _frozen(house), *_programs(house), *_servers(house), *_rails(scene), *steps]


def _programs(house: House) -> Iterator[Fault]:
    for program, queue in QUEUE_OF.items():
        yield _ended(house, program, signal.SIGKILL, signs.beats(house, queue))
    yield _ended(house, "money", signal.SIGTERM, signs.beats(house, "money"))
    yield _ended(house, "beat", signal.SIGKILL, signs.beats(house))
    yield _ended(house, "web", signal.SIGKILL, signs.web_answers(house))
    yield _ended(house, "web", signal.SIGTERM, signs.web_answers(house))
    yield _ended(house, "realtime", signal.SIGKILL, signs.realtime_answers(house))
    yield _orphaned(house, "money", signs.beats(house, "money"))
    yield _orphaned(house, "watch", signs.beats(house, "watch"))
    yield _orphaned(house, "web", signs.web_answers(house))


def _ended(house: House, program: str, how: signal.Signals, healed: signs.Healed) -> Fault:
    return Fault(
        name=f"{program} {'killed' if how == signal.SIGKILL else 'told to end'}",
        what=f"{how.name} to the process {program}",
        cause=lambda: house.kill(program, how),
        healed=healed,
        noticed_by=SUPERVISOR,
        scope=program,
    )


def _orphaned(house: House, program: str, healed: signs.Healed) -> Fault:
    def cause() -> None:
        for child in house.children(program)[:1]:
            os.kill(child, signal.SIGKILL)

    return Fault(f"a child of {program} killed", "SIGKILL to one of its processes", cause, healed)


def _frozen(house: House) -> Fault:
    return Fault(
        name="scans frozen",
        what="SIGSTOP to the worker of the queue scan and its children",
        cause=lambda: house.freeze("scans", signal.SIGSTOP),
        recover=lambda: house.freeze("scans", signal.SIGCONT),
        hold_s=FROZEN_S,
        begins_early=True,
        healed=signs.beats(house, "scan"),
        noticed_by="dependency_down",
        scope="queue:scan",
        ends_alert=True,
    )


def _servers(house: House) -> Iterator[Fault]:
    works = signs.every(signs.web_answers(house), signs.beats(house))
    yield Fault("Redis emptied", "FLUSHALL", lambda: _flush(house), works)
    yield Fault(
        "Redis killed", f"SIGKILL, and {SHORT_S:g} s without it", house.redis.kill, works,
        recover=house.redis.start_again, hold_s=SHORT_S,
    )  # fmt: skip
    yield Fault("PostgreSQL restarted", "all sessions ended", lambda: house.postgres.restart(crashes=False), works)
    yield Fault("PostgreSQL crashed", "SIGQUIT, and recovery", lambda: house.postgres.restart(crashes=True), works)


def _flush(house: House) -> None:
    # Late: whoever only lists faults does not load it.
    from redis import Redis

    with Redis.from_url(house.redis.url) as client:
        client.flushall()


def _cut(scene: Scene) -> Iterator[Fault]:
    house = scene.house
    for chain, proxy in house.proxies.items():
        yield Fault(
            name=f"{chain} out of reach",
            what=f"whoever asks its node is hung up on, for {CUT_S:g} s",
            cause=lambda proxy=proxy: setattr(proxy, "is_cut", True),  # type: ignore[misc]
            recover=lambda proxy=proxy: setattr(proxy, "is_cut", False),  # type: ignore[misc]
            hold_s=CUT_S,
            begins_early=True,
            healed=lambda _: True,
            noticed_by="chain_source_stale",
            scope=f"chain:{chain}",
            ends_alert=True,
        )


def _rails(scene: Scene) -> Iterator[Fault]:
    withdrawn = signs.came_to_rest(scene.house, "withdrawal", of=(NAIRA,))
    for rail in scene.rails:
        if isinstance(rail, CoinRail):
            yield from _of_coins(scene, rail)
        elif isinstance(rail, AccountRail):
            yield from _of_accounts(scene, rail)
        elif isinstance(rail, CustodianRail):
            yield from _of_custodian(scene, rail)
    bank = scene.house.flutterwave.server
    yield Fault(
        "answers of the bank's provider lost", f"it acts on {LOST} requests and hangs up",
        lambda: bank.swallows.extend(["POST /v3/transfers"] * LOST), withdrawn,
    )  # fmt: skip


def _of_coins(scene: Scene, rail: CoinRail) -> Iterator[Fault]:
    house, node = scene.house, rail.node
    read = signs.chain_is_read(house, node.chain, lambda: str(node.call("getbestblockhash")))
    moved = signs.came_to_rest(house, *MONEY_KINDS, of=rail.asset_ids)
    yield Fault(
        f"{node.chain} reorganised", f"its last {REORGANISED} blocks are replaced",
        lambda: rail.reorganise(REORGANISED), read,
    )  # fmt: skip
    yield Fault(
        f"{node.chain} frozen", f"SIGSTOP to its node for {FREEZE_S:g} s", lambda: _freeze(node), read, hold_s=FREEZE_S
    )
    yield _lost(house, node.chain, "sendrawtransaction", moved)


def _freeze(node: NodeServer) -> None:
    """Stop the node for a while. It goes on whatever the drill waits for, which may be the node."""
    node.pause()
    thaw = threading.Timer(FREEZE_S, node.resume)
    thaw.daemon = True
    thaw.start()


def _of_accounts(scene: Scene, rail: AccountRail) -> Iterator[Fault]:
    house, anvil = scene.house, rail.anvil
    read = signs.chain_is_read(house, CHAIN, lambda: str(anvil.call("eth_getBlockByNumber", "latest", False)["hash"]))
    yield Fault(
        f"{CHAIN} reorganised", f"its last {REORGANISED} blocks are replaced",
        lambda: rail.reorganise(REORGANISED), read,
    )  # fmt: skip
    yield _lost(house, CHAIN, "eth_sendRawTransaction", signs.came_to_rest(house, *MONEY_KINDS, of=rail.asset_ids))


def _lost(house: House, chain: str, method: str, healed: signs.Healed) -> Fault:
    return Fault(
        f"answers of {chain} lost", f"its node acts on {LOST} {method}, and hangs up",
        lambda: house.proxies[chain].swallow(method, LOST), healed,
    )  # fmt: skip


def _of_custodian(scene: Scene, rail: CustodianRail) -> Iterator[Fault]:
    house, server = scene.house, rail.fake.server
    moved = signs.came_to_rest(house, *MONEY_KINDS, of=rail.asset_ids)
    yield Fault(
        "answers of the custodian lost", f"it acts on {LOST} requests and hangs up",
        lambda: server.swallows.extend(["POST /v1/transfers"] * LOST), moved,
    )  # fmt: skip
    yield Fault(
        "the custodian fails", "it answers 500 to ten requests",
        lambda: server.breaks.extend([("", 500)] * 10), moved,
    )  # fmt: skip
    yield Fault("webhooks said again", "everything that it ever said, backwards", rail.say_again, moved)
    yield Fault(
        "webhooks forged", f"{FORGED} that somebody else has signed", lambda: rail.forge(FORGED), moved,
        noticed_by="webhook_signature_failures",
    )  # fmt: skip


def _steps(scene: Scene) -> Iterator[Fault]:
    house = scene.house
    for step, kinds in STEPS.items():
        if step.startswith(_ON_ACCOUNTS) and not any(isinstance(rail, AccountRail) for rail in scene.rails):
            continue
        yield Fault(
            name=f"died at {step}",
            what="the next process that passes is killed",
            cause=_touch(house, step),
            healed=signs.every(_has_died(house, step), signs.came_to_rest(house, *kinds)),
            begins_early=step.startswith(_SLOW),
        )


def _touch(house: House, step: str) -> Callable[[], None]:
    return (house.crashes / step).touch


def _has_died(house: House, step: str) -> signs.Healed:
    return lambda _: not (house.crashes / step).exists()
