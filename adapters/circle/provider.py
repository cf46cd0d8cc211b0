"""Circle's Accounts API as a provider: transfers out, transfers in, addresses and the balance of one wallet.

https://developers.circle.com/api-reference/circle-mint/accounts (wallets, addresses, transfers). Circle finds a
transfer by its own id, or by the same request made again under the same idempotency key, and by nothing else.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import httpx

from adapters.circle.cursor import Cursor
from adapters.circle.parsing import decimal_text, fits, incoming_of, minor_units, moment, report_of, unreadable
from adapters.provider_http import Answer, ProviderEndpoint, ProviderHttp
from domain.chain_facts import OutPoint
from domain.errors import ensure
from domain.node_refusals import ChainUncertain, NodeError
from domain.provider_facts import IncomingPage, IncomingTransfer, Report
from domain.providers import Custodian
from domain.wallet_facts import BroadcastAnswer, Holding, NewAddress, Payment, SignedPayment

PAGE_SIZE: Final = 50
PAGES_MAX: Final = 10
TRACED_PAGES_MAX: Final = 200
"""How many pages are searched for a transfer of unknown id: a few hours of heavy traffic."""
ADDRESSES_AT_ONCE: Final = 20
WAITING_AT_ONCE: Final = 50
PENDING_FOR: Final = timedelta(days=1)
"""How far back pending transfers are added to the balance."""
_BEGINNING: Final = datetime(2018, 1, 1, tzinfo=UTC)
_FINAL_NO: Final = frozenset({400, 422})
_SOMETHING_WENT_WRONG: Final = -1
"""Circle's code for an unspecified error, which may be temporary and is no refusal of the request.

developers.circle.com/api-reference/circle-mint/error-codes
"""


class CircleProvider:
    """Implements `domain.ports.Provider` over one wallet at Circle."""

    knows_references = False

    def __init__(
        self,
        endpoint: ProviderEndpoint,
        rail: Custodian,
        *,
        wallet_id: str,
        credits_pending: bool = False,
        poll_interval: timedelta = timedelta(seconds=30),
    ) -> None:
        self.rail = rail
        self.credits_pending = credits_pending
        self.poll_interval = poll_interval
        self._wallet_id = wallet_id
        self._http = ProviderHttp(endpoint)

    def __repr__(self) -> str:
        return f"CircleProvider({self.rail.chain!r}, wallet {self._wallet_id})"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def new_addresses(self, count: int, *, first_index: int = 0, network: str = "") -> list[NewAddress]:  # noqa: ARG002 - Circle derives them
        """Up to twenty fresh addresses on one chain."""
        made = []
        for _ in range(min(count, ADDRESSES_AT_ONCE)):
            asked = {"idempotencyKey": str(uuid4()), "currency": self.rail.coin.contracts[0], "chain": network}
            answer = self._http.post(f"/v1/wallets/{self._wallet_id}/addresses", json.dumps(asked))
            address = self.rail.parse_destination(f"{network}:{_data(answer).get('address')}")
            made.append(NewAddress(address.text, address.script))
        return made

    def build(
        self,
        payments: Sequence[Payment],
        *,
        fee_max_minor: int,  # noqa: ARG002 - Circle tells what it took once it took it
        avoid: Collection[OutPoint] = (),  # noqa: ARG002
    ) -> SignedPayment:
        """Build the request for one transfer, with the reference as its idempotency key."""
        ensure(len(payments) == 1, "a transfer of Circle's makes one payment")
        [payment] = payments
        network, _, address = payment.address.partition(":")
        reference = str(uuid4())
        body = {
            "idempotencyKey": reference,
            "source": {"type": "wallet", "id": self._wallet_id},
            "destination": {"type": "blockchain", "address": address, "chain": network},
            "amount": {"amount": decimal_text(payment.amount_minor, self.rail), "currency": payment.contract},
        }
        raw = json.dumps(body, separators=(",", ":"))
        return SignedPayment(reference, raw, 0, 0, (), (0,), None)

    def broadcast(self, raw_tx: str) -> BroadcastAnswer:
        """Request the transfer; a repeated request with the same key returns the transfer already made."""
        answer = self._http.post("/v1/transfers", raw_tx)
        if answer.is_ok:
            made = _data(answer)
            transfer_id = str(made.get("id") or "")
            if not transfer_id:
                raise unreadable("id")
            if "amount" in made and "destination" in made and not fits(made, json.loads(raw_tx), self.rail):
                raise ChainUncertain("Circle's answer is about another payment")
            return BroadcastAnswer("accepted", provider_id=transfer_id)
        is_final = answer.status in _FINAL_NO and answer.body.get("code") != _SOMETHING_WENT_WRONG
        return BroadcastAnswer("refused" if is_final else "rejected", _reason(answer))

    def report(self, reference: str, *, provider_id: str = "") -> Report:  # noqa: ARG002 - Circle cannot be asked by it
        """A transfer's state, by Circle's id; unknown without one."""
        if not provider_id:
            return Report("unknown", reason="Circle has not told its id for this transfer yet")
        transfer = self._transfer(provider_id)
        if transfer is None:
            return Report("unknown", reason="Circle does not know this transfer", provider_id=provider_id)
        return report_of(transfer, self.rail)

    def made(
        self, raw_tx: str, *, since: datetime, until: datetime | None = None, provider_id: str = ""
    ) -> tuple[Report, ...]:
        """Transfers of the same amount to the same destination, since Circle does not return idempotency keys."""
        if provider_id:
            transfer = self._transfer(provider_id)
            listed, is_whole = ([] if transfer is None else [transfer]), True
        else:
            listed, is_whole = self._listed(since, until, side="sourceWalletId", pages_max=TRACED_PAGES_MAX)
        if not is_whole:
            raise NodeError("Circle lists more transfers since then than can be read")
        asked = json.loads(raw_tx)
        fitting = [told for told in listed if moment(told.get("createDate")) >= since and fits(told, asked, self.rail)]
        return tuple(report_of(told, self.rail) for told in fitting)

    def holding(self, contract: str = "") -> Holding:
        """The wallet's balance, and the pending deposits that it does not include yet."""
        answer = self._http.get(f"/v1/wallets/{self._wallet_id}")
        balances = _data(answer).get("balances")
        if not isinstance(balances, list) or not all(isinstance(row, dict) for row in balances):
            raise unreadable("balances")
        held = sum(minor_units(row, self.rail) for row in balances if row.get("currency") == contract)
        listed, _ = self._listed(datetime.now(UTC) - PENDING_FOR, None)
        arriving = [told for told in self._incoming(listed) if told.contract == contract and told.state == "pending"]
        return Holding(held, sum(told.amount_minor for told in arriving), 0, 0, "")

    def incoming(self, cursor: str) -> IncomingPage:
        """Transfers that were pending at the last call, then new ones, oldest first.

        Circle lists the newest first. If there are more than ten pages, the range is shortened until it fits.
        """
        start = Cursor.parse(cursor)
        listed, is_whole = self._listed(start.since, None)
        until = None
        while not is_whole:
            begin, oldest = start.since or _BEGINNING, moment(listed[-1].get("createDate"))
            # First the time before those listed; if that is too much as well, half of the range.
            until = oldest if until is None else begin + (oldest - begin) / 2
            if until <= begin:
                raise NodeError("Circle lists more transfers of one moment than can be read")
            listed, is_whole = self._listed(start.since, until)
        found = self._incoming(reversed(listed))
        again, rest = self._waiting(start.waiting, {told.transfer_id for told in found})
        transfers = (*again, *found)
        waiting = (*rest, *(told.transfer_id for told in transfers if told.state == "pending"))
        if until is not None:
            return IncomingPage(transfers, Cursor(until, waiting).text(), is_last=False)
        newest = moment(listed[0].get("createDate")) if listed else None
        return IncomingPage(transfers, start.after(newest, waiting).text(), is_last=True)

    def incoming_one(self, transfer_id: str) -> IncomingTransfer | None:
        """The present state of one transfer to our wallet."""
        transfer = self._transfer(transfer_id)
        return incoming_of(transfer, self.rail, self._wallet_id) if transfer is not None else None

    def _waiting(self, ids: Sequence[str], found: Collection[str]) -> tuple[list[IncomingTransfer], list[str]]:
        """The present state of some pending transfers, and the ids of the rest."""
        left = [transfer_id for transfer_id in ids if transfer_id not in found]
        asked = [self.incoming_one(transfer_id) for transfer_id in left[:WAITING_AT_ONCE]]
        return [told for told in asked if told is not None], left[WAITING_AT_ONCE:]

    def _incoming(self, listed: Any) -> list[IncomingTransfer]:
        read = [incoming_of(transfer, self.rail, self._wallet_id) for transfer in listed]
        return [told for told in read if told is not None]

    def _listed(
        self,
        since: datetime | None,
        until: datetime | None,
        *,
        side: str = "destinationWalletId",
        pages_max: int = PAGES_MAX,
    ) -> tuple[list[Mapping[str, Any]], bool]:
        """The transfers to or from our wallet created in this time, newest first, and whether the list is complete."""
        asked = {side: self._wallet_id, "pageSize": str(PAGE_SIZE)}
        if since is not None:
            asked["from"] = since.isoformat()
        if until is not None:
            asked["to"] = until.isoformat()
        listed: list[Mapping[str, Any]] = []
        while True:
            page = self._http.get("/v1/transfers", asked).body.get("data")
            if not isinstance(page, list) or not all(isinstance(told, dict) for told in page):
                raise unreadable("list of transfers")
            if page and len(listed) >= pages_max * PAGE_SIZE:
                return listed, False
            listed += page
            if len(page) < PAGE_SIZE:
                return listed, True
            asked["pageAfter"] = str(page[-1].get("id"))

    def _transfer(self, transfer_id: str) -> Mapping[str, Any] | None:
        answer = self._http.get(f"/v1/transfers/{transfer_id}")
        if answer.status in {httpx.codes.NOT_FOUND, httpx.codes.BAD_REQUEST}:
            return None
        transfer = _data(answer)
        if str(transfer.get("id")) != transfer_id:
            raise ChainUncertain("Circle's answer is about another transfer")
        return transfer


def _data(answer: Answer) -> Mapping[str, Any]:
    if not answer.is_ok:
        raise NodeError(f"Circle answered with HTTP {answer.status}: {_reason(answer)}")
    data = answer.body.get("data")
    if not isinstance(data, dict):
        raise unreadable("data")
    return data


def _reason(answer: Answer) -> str:
    return str(answer.body.get("message") or answer.body.get("code") or answer.status)[:200]
