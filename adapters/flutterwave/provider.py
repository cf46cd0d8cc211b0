"""Transfers to bank and mobile-money accounts, each under a reference that is used once.

https://developer.flutterwave.com/v3.0/docs/transfers: a transfer is NEW or PENDING until it is SUCCESSFUL or FAILED.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from types import MappingProxyType
from typing import Any, Final, Literal
from uuid import uuid4

import httpx

from adapters.provider_http import Answer, ProviderEndpoint, ProviderHttp
from domain.chain_facts import OutPoint
from domain.errors import ensure
from domain.node_refusals import ChainUncertain, NodeError
from domain.provider_facts import IncomingPage, IncomingTransfer, Report
from domain.providers import ProviderRow
from domain.wallet_facts import BroadcastAnswer, Holding, NewAddress, Payment, SignedPayment

# One that was SUCCESSFUL may become one of the others days later, when the bank sends it back.
_STATES: Final[Mapping[str, Literal["completed", "failed"]]] = {
    "SUCCESSFUL": "completed",
    "FAILED": "failed",
    "REVERSED": "failed",
}
_WEIGHTS: Final[Mapping[str, int]] = {"completed": 0, "pending": 1, "failed": 2}
_FINAL_NO: Final = frozenset({400, 422})
_SEEN_BEFORE: Final = re.compile(r"reference.*(exist|duplicate|used)|duplicate.*reference", re.IGNORECASE)
DIGITS_MAX: Final = 60
"""No amount has as many digits: one like 1e999999999 would fill the memory when written out."""
NARRATION: Final = "Withdrawal"
_TELL_THE_SENDER: Final = frozenset({"KES"})
"""Kenya's networks and banks require the sender, which is the house."""
_NOBODY: Final[Mapping[str, str]] = MappingProxyType({})


class FlutterwaveProvider:
    """Implements `domain.ports.Provider`; nothing comes in by it."""

    credits_pending = False
    knows_references = True

    def __init__(
        self,
        endpoint: ProviderEndpoint,
        rail: ProviderRow,
        *,
        callback_url: str,
        sender: Mapping[str, str] = _NOBODY,
        poll_interval: timedelta = timedelta(seconds=30),
    ) -> None:
        self.rail = rail
        self.poll_interval = poll_interval
        self._callback_url = callback_url
        self._sender = sender
        self._http = ProviderHttp(endpoint)
        self._decimals = {row.contracts[0]: row.decimals for row in rail.assets}

    def __repr__(self) -> str:
        return f"FlutterwaveProvider({self.rail.chain!r})"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def new_addresses(self, count: int, *, first_index: int = 0, network: str = "") -> list[NewAddress]:  # noqa: ARG002
        """None: nothing comes in."""
        return []

    def build(
        self,
        payments: Sequence[Payment],
        *,
        fee_max_minor: int,  # noqa: ARG002 - the fee is told once it was taken
        avoid: Collection[OutPoint] = (),  # noqa: ARG002
    ) -> SignedPayment:
        """Build the request for one transfer."""
        ensure(len(payments) == 1, "a transfer makes one payment")
        [payment] = payments
        _, code, account = payment.address.split(":")
        reference = str(uuid4())
        amount = Decimal(payment.amount_minor).scaleb(-self._decimals[payment.contract])
        body: dict[str, Any] = {
            "account_bank": code,
            "account_number": account,
            "amount": "AMOUNT",
            "currency": payment.contract,
            "reference": reference,
            "narration": NARRATION,
            "callback_url": self._callback_url,
        }
        if payment.name:
            body["beneficiary_name"] = payment.name
        if payment.contract in _TELL_THE_SENDER and self._sender:
            body["meta"] = dict(self._sender)
        # A JSON number, which a float would round.
        raw = json.dumps(body, separators=(",", ":")).replace('"AMOUNT"', format(amount, "f"), 1)
        return SignedPayment(reference, raw, 0, 0, (), (0,), None)

    def broadcast(self, raw_tx: str) -> BroadcastAnswer:
        """Request the transfer. A refusal because the reference was used before means that it had been requested."""
        answer = self._http.post("/v3/transfers", raw_tx)
        if answer.is_ok:
            return BroadcastAnswer("accepted", provider_id=_id(_data(answer)))
        reason = _reason(answer)
        if answer.status in _FINAL_NO | {httpx.codes.CONFLICT} and _SEEN_BEFORE.search(reason):
            return BroadcastAnswer("already_known", reason)
        return BroadcastAnswer("refused" if answer.status in _FINAL_NO else "rejected", reason)

    def report(self, reference: str, *, provider_id: str = "") -> Report:
        """The transfer's state, by its id if that is known, else by our reference."""
        if provider_id:
            answer = self._http.get(f"/v3/transfers/{provider_id}")
            found = None if answer.status == httpx.codes.NOT_FOUND else _data(answer)
        else:
            found = self._by_reference(reference)
        if not isinstance(found, Mapping) or found.get("reference") != reference:
            return Report("unknown", reason="the provider knows no such reference", provider_id=provider_id)
        state = _state(found)
        # A failed transfer still names its fee, which is refunded with the amount.
        fee = 0 if state == "failed" else found.get("fee")
        return Report(
            state=state,
            fee_minor=None if fee is None else self._minor(fee, str(found.get("currency")), ROUND_CEILING),
            reason=str(found.get("complete_message") or "")[:200],
            provider_id=_id(found),
        )

    def made(
        self,
        raw_tx: str,
        *,
        since: datetime,  # noqa: ARG002 - a reference is enough
        until: datetime | None = None,  # noqa: ARG002
        provider_id: str = "",
    ) -> tuple[Report, ...]:
        """The transfer with our reference, if there is one."""
        report = self.report(json.loads(raw_tx)["reference"], provider_id=provider_id)
        return () if report.state == "unknown" else (report,)

    def holding(self, contract: str = "") -> Holding:
        """The available balance in one currency, without transfers that are pending."""
        found = _data(self._http.get(f"/v3/balances/{contract}"))
        if not isinstance(found, Mapping) or found.get("currency") != contract:
            raise ChainUncertain("the provider's answer has no balance in this currency")
        return Holding(self._minor(found.get("available_balance"), contract, ROUND_FLOOR), 0, 0, 0, "")

    def incoming(self, cursor: str) -> IncomingPage:
        """Nothing, ever."""
        return IncomingPage((), cursor, is_last=True)

    def incoming_one(self, transfer_id: str) -> IncomingTransfer | None:  # noqa: ARG002
        """None: nothing comes in."""
        return None

    def _by_reference(self, reference: str) -> Mapping[str, Any] | None:
        answer = self._http.get("/v3/transfers", {"reference": reference})
        rows = None if answer.status == httpx.codes.NOT_FOUND else _data(answer)
        if rows is None:
            return None
        if not isinstance(rows, list):
            raise ChainUncertain("the provider's answer is not a list of transfers")
        found = [row for row in rows if isinstance(row, dict) and row.get("reference") == reference]
        if rows and not found:
            # The filter by reference was ignored, so this is no answer.
            raise ChainUncertain("the provider's list is about other transfers")
        # Of several under one reference, any that is or may be paid outweighs those that failed.
        return min(found, key=lambda row: _WEIGHTS[_state(row)]) if found else None

    def _minor(self, amount: Any, currency: str, rounding: str) -> int:
        """An amount in the smallest unit, rounded to our disadvantage: fees may have more decimals, as 26.875."""
        try:
            scaled = Decimal(str(amount)).scaleb(self._decimals[currency])
            if not scaled.is_finite() or scaled < 0 or scaled.adjusted() >= DIGITS_MAX:
                raise ChainUncertain("the provider's answer has an amount that there cannot be")
            return int(scaled.to_integral_value(rounding))
        except (ArithmeticError, ValueError, KeyError) as error:
            raise ChainUncertain("the provider's answer has no amount that can be read") from error


def _state(found: Mapping[str, Any]) -> Literal["completed", "failed", "pending"]:
    """The state for a status; an unknown status is not final."""
    return _STATES.get(str(found.get("status")).upper(), "pending")


def _data(answer: Answer) -> Any:
    if not answer.is_ok:
        raise NodeError(f"the provider answered with HTTP {answer.status}: {_reason(answer)}")
    return answer.body.get("data")


def _id(found: Any) -> str:
    provider_id = found.get("id") if isinstance(found, dict) else None
    if provider_id is None:
        raise ChainUncertain("the provider's answer has no id")
    return str(provider_id)


def _reason(answer: Answer) -> str:
    return str(answer.body.get("message") or answer.status)[:200]
