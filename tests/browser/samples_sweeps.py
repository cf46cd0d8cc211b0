"""Example pages of sweeps, and of flows other than a withdrawal's."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from api.pages import graph
from api.pages.flow_shapes import Action, AlertChange, ChainLine, FlowView, Link, LogLine, Step, TransferLine
from api.pages.shapes import AssetName, Evidence, Money
from api.pages.sweeps import LyingLine, SweepLine
from domain.flows import DEPOSIT, SWEEP, VERIFICATION, FlowKind
from services.flow_stats import Usual
from tests.browser.facts import ADDRESS, BTC, COIN, SHORT, TXID, ago

EVM = "0x" + "ab" * 20
ETHER = AssetName("ETH", "ETH", "Ether", 18, "ethereum")


def _line(flow: str, state: str, since: datetime, **more: Any) -> SweepLine:
    known = SWEEP.states[state]
    facts: dict[str, Any] = {
        "flow": flow,
        "money": Money(123_456_789_012_345_678_901, COIN),
        "address": EVM,
        "state": state,
        "meaning": known.meaning,
        "words": known.sentence,
        "since": since,
        "gas": None,
        "is_open": not SWEEP.closed(state),
    }
    return SweepLine(**{**facts, **more})


def sweeps() -> dict[str, Any]:
    gas = Money(1_234_567_890_123_456, ETHER)
    short = "The hot wallet holds too little to pay this now. It is sent as soon as the wallet is refilled."
    return {
        "under_way": [
            _line(SHORT, "proposed", ago(minutes=4), words=short),
            _line("5f6g7h8j9k", "uncertain", ago(hours=1), gas=gas),
            _line("m2n9qdk7f3", "confirming", ago(minutes=9), gas=gas, money=Money(10**18, ETHER)),
        ],
        "over": [
            _line("q7f3m2n9qd", "completed", ago(days=1), gas=gas),
            _line("9kapq3rstv", "failed", ago(days=3), gas=gas),
        ],
        "lying": [
            LyingLine(ETHER, Money(3 * 10**18, ETHER), Money(10**16, ETHER)),
            LyingLine(COIN, Money(0, COIN), Money(5 * 10**18, COIN)),
        ],
    }


def sweeps_empty() -> dict[str, Any]:
    return {"under_way": [], "over": [], "lying": []}


def _steps(kind: FlowKind, *path: str) -> tuple[Step, ...]:
    """The path, newest first, the later the slower; how long each usually takes is known."""
    last = len(path) - 1
    return tuple(
        Step(
            state=state,
            meaning=kind.states[state].meaning,
            sentence=kind.states[state].sentence,
            at=ago(minutes=40 - 10 * place),
            actor="by itself (chains.watch)",
            lasted=None if place == last and kind.closed(state) else timedelta(minutes=10 * (place + 1)),
            limit=kind.states[state].time_limit,
            evidence=(Evidence("txid", TXID, copy=True), Evidence("confirmations needed", "3")) if place else (),
            usual=Usual(timedelta(minutes=4), timedelta(minutes=12)),
        )
        for place, state in reversed(tuple(enumerate(path)))
    )


def _flow(kind: FlowKind, path: tuple[str, ...], money: Money | None, **more: Any) -> dict[str, Any]:
    state = kind.states[path[-1]]
    facts: dict[str, Any] = {
        "short_id": SHORT,
        "kind": kind.name,
        "state": path[-1],
        "meaning": state.meaning,
        "sentence": state.sentence,
        "money": money,
        "opened_at": ago(minutes=40),
        "closed_at": ago(minutes=10) if kind.closed(path[-1]) else None,
        "steps": _steps(kind, *path),
        "transfers": (),
        "chain": (),
        "graph": graph.draw(kind, path),
        "moving": not kind.closed(path[-1]),
    }
    return {"page": FlowView(**{**facts, **more})}


def flow_deposit() -> dict[str, Any]:
    """Credited, with all that operators see folded below it."""
    credit = TransferLine(
        1042, "deposit_credit", "posted", "hot wallet", "user 0a1b2c3d4e", Money(5_000_000, BTC), ago(minutes=10)
    )
    late = AlertChange(
        UUID(int=1), "funding_stuck", "raised", "warning", "It has waited for 20 min to be credited.", ago(minutes=20)
    )
    gone = AlertChange(UUID(int=2), "funding_stuck", "cleared", "warning", "It was credited.", ago(minutes=10))
    line = LogLine(ago(minutes=22), "warning", "node_timeout", (Evidence("chain", "bitcoin"), Evidence("port", "8332")))
    return _flow(
        DEPOSIT,
        ("seen", "confirming", "credited"),
        Money(5_000_000, BTC, "+"),
        facts=(
            Evidence("To", ADDRESS, copy=True),
            Evidence("Transaction", TXID, copy=True),
            Evidence("Asset", "Bitcoin"),
        ),
        transfers=(credit,),
        chain=(ChainLine(TXID, "3 confirmations", block_height=923_456, url="https://mempool.space/tx/" + TXID),),
        alerts=(late, gone),
        lines=(line,),
    )


def flow_sweep() -> dict[str, Any]:
    gas = Money(31_500_000_000_000, ETHER)
    again = Action("/x", "Send again", "Offers the very same bytes to the network again. It cannot pay twice.")
    bump = Action("/x", "Raise the network fee", "Replaces it by a payment with a higher network fee, within the cap.")
    return _flow(
        SWEEP,
        ("proposed", "topping_up", "signed", "broadcast"),
        Money(123_456_789_012_345_678_901, COIN),
        facts=(Evidence("From", EVM, copy=True), Evidence("To", "the hot wallet"), Evidence("Asset", COIN.name)),
        links=(Link("/operator/sweeps", "All sweeps"),),
        chain=(
            ChainLine("0x" + TXID, "in no block", "0x02f8" + "ab" * 100, gas, None, "https://gnosisscan.io/tx/0x0"),
            ChainLine("0x" + TXID[::-1], "gas for the address, in a block", "0x02f8" + "cd" * 100, gas, 38_111_222),
        ),
        actions=(again, bump),
    )


def flow_claim() -> dict[str, Any]:
    """Rejected, and nobody knows of how much it was."""
    return _flow(
        VERIFICATION,
        ("requested", "uncertain", "rejected"),
        None,
        sentence="The transaction pays that address in another asset, whatever its symbol says.",
        facts=(
            Evidence("Transaction", "0x" + TXID, copy=True),
            Evidence("To", EVM, copy=True),
            Evidence("Claimed", "no amount was named"),
        ),
        actions=(Action("/x", "Ask its chain again", "Every provider is asked about the transaction anew."),),
    )


SWEEPS = {
    "sweeps": ("sweeps.html", True, sweeps),
    "sweeps-empty": ("sweeps.html", True, sweeps_empty),
    "flow-deposit": ("flow.html", True, flow_deposit),
    "flow-sweep": ("flow.html", True, flow_sweep),
    "flow-claim": ("flow.html", True, flow_claim),
}
