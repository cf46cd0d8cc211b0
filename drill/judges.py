"""Whether the money is where it must be: what the world outside did, against what the house says and what arrived.

A judge knows no code of the house: it adds up the journal, and complains in one line for each thing that is not so.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from drill.journal import Asked, Journal, Purse

COMPLAINTS_SHOWN: Final = 20
SETTLED: Final = frozenset({"completed", "failed", "rejected", "cancelled"})


@dataclass(slots=True)
class Facts:
    """What is found when everything has come to rest. Amounts are in the smallest unit."""

    deposits: list[tuple[UUID, str, str, str, int]] = field(default_factory=list)
    """What people see of theirs: (user, reference, asset, state, amount)."""
    withdrawals: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By id: (state, amount with fee), as its owner sees it."""
    claims: dict[str, str] = field(default_factory=dict)
    """By id: the state of each claim."""
    balances: Mapping[Purse, tuple[int, int]] = field(default_factory=dict)
    """What people see of theirs: (available, held)."""
    received: dict[str, list[int]] = field(default_factory=dict)
    """By destination: every payment that the world outside has got there."""
    broken: list[str] = field(default_factory=list)
    """What the ledger's own checks found."""
    open_flows: list[str] = field(default_factory=list)
    standing: list[str] = field(default_factory=list)
    """Alerts that have not ended and should have."""
    unequal: list[str] = field(default_factory=list)
    """Wallets that do not hold what the books say."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one judge says."""

    question: str
    complaints: Sequence[str]

    @property
    def holds(self) -> bool:
        """Whether it is so."""
        return not self.complaints

    def to_json(self) -> dict[str, Any]:
        """For the report."""
        return {"question": self.question, "holds": self.holds, "complaints": list(self.complaints)[:COMPLAINTS_SHOWN]}


Judge = Callable[[Journal, Facts], Sequence[str]]


def judged(journal: Journal, facts: Facts) -> list[Verdict]:
    """What every judge says."""
    return [Verdict(question, judge(journal, facts)) for question, judge in JUDGES.items()]


def credited_once(journal: Journal, facts: Facts) -> list[str]:
    """Every payment in is one deposit that is credited, to its owner and in full; and there is no other."""
    credited = Counter(
        (user_id, reference, asset_id, amount)
        for user_id, reference, asset_id, state, amount in facts.deposits
        if state == "credited"
    )
    expected = Counter((paid.user_id, paid.reference, paid.asset_id, paid.amount_minor) for paid in journal.paid_in)
    states = defaultdict(list)
    for _, reference, _, state, _ in facts.deposits:
        states[reference].append(state)
    complaints = []
    for (user_id, reference, asset_id, amount), times in (expected - credited).items():
        seen = ", ".join(states[reference]) or "never seen"
        complaints.append(f"{amount} {asset_id} to {user_id}, {reference}: {times} not credited ({seen})")
    for (user_id, reference, asset_id, amount), times in (credited - expected).items():
        complaints.append(f"{amount} {asset_id} to {user_id}, {reference}: credited {times} more than was paid")
    return complaints


def answered(journal: Journal, _: Facts) -> list[str]:
    """Every request got a definite answer in the end."""
    return [f"{asked.kind} {asked.key} was never answered" for asked in journal.asked if asked.status is None]


def sent_once(journal: Journal, facts: Facts) -> list[str]:
    """Every withdrawal that was taken has arrived once and in full, and nothing else has."""
    complaints = []
    for asked in journal.of_kind("withdrawal"):
        arrived = facts.received.get(asked.to, [])
        due = [asked.amount_minor] if _is_due(journal, asked) else []
        if arrived != due:
            complaints.append(f"{asked.asset_id} to {asked.to}: {due} was due, {arrived} arrived")
        if asked.was_taken:
            state, _ = facts.withdrawals.get(str(asked.answer["id"]), ("unknown", 0))
            said = "completed" if due else "failed"
            if state != said:
                complaints.append(f"withdrawal {asked.answer['id']} is {state} and not {said}")
    return complaints


def _is_due(journal: Journal, asked: Asked) -> bool:
    return asked.was_taken and journal.decided.get(asked.to.lower(), True)


def claimed_once(journal: Journal, facts: Facts) -> list[str]:
    """Of all who claim one payment, one has it."""
    winners: Counter[str] = Counter()
    for asked in journal.of_kind("claim"):
        if asked.was_taken:
            winners[asked.to] += facts.claims.get(str(asked.answer["id"])) == "verified"
    return [f"{reference} was granted {times} times" for reference, times in winners.items() if times != 1]


def adds_up(journal: Journal, facts: Facts) -> list[str]:
    """Everybody owns what came in less what went out, by the drill's own arithmetic; nothing is held any more."""
    owned = Counter(journal.opening)
    for paid in journal.paid_in:
        owned[paid.purse] += paid.amount_minor
    for asked in journal.asked:
        if not asked.was_taken:
            continue
        if asked.kind == "transfer":
            owned[asked.purse] -= asked.amount_minor
            owned[UUID(asked.to), asked.asset_id] += asked.amount_minor
        elif asked.kind == "claim":
            is_granted = facts.claims.get(str(asked.answer["id"])) == "verified"
            owned[asked.purse] += asked.amount_minor if is_granted else 0
        elif _is_due(journal, asked):
            owned[asked.purse] -= facts.withdrawals.get(str(asked.answer["id"]), ("", asked.amount_minor))[1]
    complaints = []
    for purse in sorted(owned.keys() | facts.balances.keys(), key=str):
        found = facts.balances.get(purse, (0, 0))
        if found != (owned[purse], 0):
            complaints.append(f"{purse[0]} has {found[0]} {purse[1]} and {found[1]} held, not {owned[purse]}")
    return complaints


JUDGES: Final[Mapping[str, Judge]] = {
    "every request was answered in the end": answered,
    "every deposit was credited once": credited_once,
    "every withdrawal was sent once": sent_once,
    "every claimed payment was granted once": claimed_once,
    "everybody owns what came in less what went out": adds_up,
    "the ledger verifies and its invariants hold": lambda _, facts: facts.broken,
    "no movement of money is stuck": lambda _, facts: facts.open_flows,
    "wallets hold what the books say": lambda _, facts: facts.unequal,
    "every alert has ended": lambda _, facts: facts.standing,
}
