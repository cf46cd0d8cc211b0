"""Example pages of one flow and of the operator's board, made by hand."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from api.pages import graph
from api.pages.flow_shapes import Action, ChainLine, FlowView, Step, TransferLine
from api.pages.shapes import AlertLine, Board, BufferCard, Evidence, Gauge, Money, WaitingLine
from api.pages.wording import amount
from domain.flows import WITHDRAWAL
from tests.browser.facts import ADDRESS, BTC, COIN, SHORT, TXID, ago


def _steps() -> tuple[Step, ...]:
    path = ("requested", "pending_approval", "approved", "signed", "broadcast", "uncertain")
    steps = [
        Step(
            state,
            WITHDRAWAL.states[state].meaning,
            WITHDRAWAL.states[state].sentence,
            ago(minutes=60 - 10 * index),
            ("user 0a1b2c3d4e", "user 0a1b2c3d4e", "operator 4e5f6g7h8j")[index]
            if index < 3
            else "by itself (payouts.send)",
            timedelta(minutes=10, seconds=3),
            WITHDRAWAL.states[state].time_limit,
            (Evidence("transaction", TXID, copy=True), Evidence("fee rate", "12.5 sat/vB")) if index > 2 else (),
        )
        for index, state in enumerate(path)
    ]
    waiting = Step(
        "approved",
        "waiting",
        "Waiting: the hot wallet holds too little to pay this now.",
        ago(minutes=35),
        "task:withdrawals.pay",
        None,
        None,
        note=True,
    )
    return tuple(reversed([*steps[:3], waiting, *steps[3:]]))


def flow() -> dict[str, Any]:
    path = ("requested", "pending_approval", "approved", "signed", "broadcast", "uncertain")
    state = WITHDRAWAL.states["uncertain"]
    transfers = tuple(
        TransferLine(
            1000 + index,
            "withdrawal_request",
            ("pending", "posted")[index],
            "user",
            "hot wallet",
            Money(1_000_000, BTC),
            ago(minutes=60),
        )
        for index in range(2)
    )
    return {
        "page": FlowView(
            SHORT,
            "withdrawal",
            "uncertain",
            state.meaning,
            state.sentence,
            Money(1_000_000, BTC, "-"),
            ago(hours=1),
            None,
            (
                Evidence("To", ADDRESS, copy=True),
                Evidence("Fee", f"{amount(10_000, 8)} BTC"),
                Evidence("Approvals", "1 of 2: operator 4e5f6g7h8j"),
            ),
            _steps(),
            transfers,
            (ChainLine(TXID, "offered, not seen in a block", "0200000001" + "ab" * 300, Money(1_410, BTC), None),),
            graph.draw(WITHDRAWAL, path),
            (
                Action(
                    "/x",
                    "Send again",
                    "Offers the very same bytes to the network again. It cannot pay twice.",
                    value="retry",
                ),
                Action(
                    "/x",
                    "Give it up as failed",
                    "It can never be paid. The held funds are its owner's again.",
                    grave=True,
                    typed=True,
                    reason=True,
                    value="give_up",
                ),
            ),
            moving=True,
        )
    }


def _waiting(flow_id: str, **more: Any) -> WaitingLine:
    return WaitingLine(
        UUID(int=int.from_bytes(flow_id.encode())),
        flow_id,
        Money(1_000_000, BTC),
        ADDRESS,
        "user 0a1b2c3d4e",
        ago(minutes=12),
        "0 of 2 approvals",
        "pending_approval",
        **more,
    )


def operator() -> dict[str, Any]:
    return {
        "page": Board(
            health=(
                Gauge("Bitcoin", "yours", "at the tip", "block 923 456,", ago(minutes=3)),
                Gauge("Litecoin (private regtest)", "wrong", "node refused", "block 200, read", ago(hours=2)),
                Gauge("Queue money", "yours", "consumed", "heartbeat", ago(seconds=9)),
                Gauge("Queue watch", "waiting", "late", "heartbeat", ago(minutes=4)),
                Gauge("Queue upkeep", "yours", "consumed", "heartbeat", ago(seconds=12)),
                Gauge("Alerts", "wrong", "paused by operator 4e5f6g7h8j", "ends", ago(hours=-2)),
                Gauge("Database", "yours", "answers", "1.2 ms"),
                Gauge("Redis", "yours", "answers", "0.4 ms"),
                Gauge("Last seal", "yours", "sealed", "transfer 10 442,", ago(minutes=1)),
            ),
            buffers=(
                BufferCard(
                    BTC,
                    "mismatch",
                    "wrong",
                    "0.000 010 00 BTC short",
                    ago(seconds=40),
                    Money(500_000_000, BTC),
                    Money(499_999_000, BTC),
                    Money(-1_000, BTC),
                    (("in flight out", Money(-1_000_000, BTC)), ("deposits not yet credited", Money(5_000_000, BTC))),
                ),
                BufferCard(COIN, "unknown", "waiting", "not readable", ago(hours=2), Money(10**18, COIN), None, None),
            ),
            alerts=(
                AlertLine(
                    UUID(int=1),
                    "chain_source_stale",
                    "critical",
                    "It has not answered for 2 h.",
                    "chain:litecoin-regtest",
                    ago(hours=2),
                ),
                AlertLine(
                    UUID(int=2),
                    "buffer_low",
                    "warning",
                    "It holds less than the next ten withdrawals.",
                    "asset:BTC",
                    ago(minutes=9),
                ),
            ),
            uncertain=(_waiting("5f6g7h8j9k"),),
            approvals=(_waiting(SHORT), _waiting("m2n9qdk7f3", mine=True)),
            held_up=(_waiting("9kapq3rstv", reason="The hot wallet holds too little to pay this now."),),
            may_decide=True,
        ),
        "problem": "",
    }


def operator_quiet() -> dict[str, Any]:
    full = operator()["page"]
    return {"page": Board(full.health[:1], (), (), (), (), (), may_decide=True), "problem": ""}
