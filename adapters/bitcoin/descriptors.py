"""A node's calls about output descriptors: checking, deriving, and scanning its set of unspent outputs."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from adapters.bitcoin.amounts import to_minor
from adapters.bitcoin.client import NodeClient
from adapters.bitcoin.refusals import INVALID_PARAMETER, NOT_FOUND
from domain.descriptors import Descriptor
from domain.node_refusals import ChainError, DescriptorRefused, NodeError, ScanAborted, ScanInProgress
from domain.scanning import ScanObject, ScanResult, UnspentOutput

ADDRESSES_PER_CALL: Final = 1_000
SCAN_S_MAX: Final = 780.0
"""Patience with one scan. Bitcoin's takes one to three minutes on a solid-state disk."""
_REPORT_EVERY_S: Final = 1.0
_LOOK_EVERY_S: Final = 0.05
_LOOKS_OFTEN_S: Final = 2.0
"""Poll this long in short steps, for small chains; then at _REPORT_EVERY_S."""


class BitcoinDescriptors:
    """Descriptors as one node understands them (implements `domain.scanning.DescriptorNode`)."""

    _client: NodeClient

    def check(self, descriptor: Descriptor) -> None:
        """Check with `getdescriptorinfo`, which must agree with our reading on the range and on private keys."""
        told = self._asked("getdescriptorinfo", descriptor.text)
        if told["hasprivatekeys"] or told["isrange"] != descriptor.is_ranged:
            raise DescriptorRefused("the node reads this descriptor differently than it was read here")

    def derive(self, descriptor: Descriptor, indexes: tuple[int, int] | None) -> list[str]:
        """The addresses, in calls of a thousand: one call for all would hold one of the node's few threads."""
        if indexes is None:
            return list(self._asked("deriveaddresses", descriptor.text))
        addresses: list[str] = []
        for first in range(indexes[0], indexes[1] + 1, ADDRESSES_PER_CALL):
            last = min(first + ADDRESSES_PER_CALL - 1, indexes[1])
            addresses += self._asked("deriveaddresses", descriptor.text, [first, last])
        return addresses

    def scan(self, objects: Sequence[ScanObject], *, report: Callable[[int], None]) -> ScanResult:
        """Run one `scantxoutset`, on a connection of its own, and report its progress in per cent meanwhile.

        A node goes on scanning after its client has left, so a scan is aborted when this fails.
        """
        report(0)
        call = _ScanCall(self._client, [_spelt(wanted) for wanted in objects])
        call.start()
        try:
            self._accompany(call, report)
        except BaseException:
            if call.is_alive():  # else the scan that runs now is somebody else's
                self.abort_scan()
                call.join()
            raise
        return call.result()

    def abort_scan(self) -> bool:
        """`scantxoutset abort`."""
        return bool(self._client.read("scantxoutset", "abort"))

    def _accompany(self, call: "_ScanCall", report: Callable[[int], None]) -> None:
        started = reported = time.monotonic()
        progress = 0
        while call.is_alive():
            elapsed = time.monotonic() - started
            call.join(_LOOK_EVERY_S if elapsed < _LOOKS_OFTEN_S else _REPORT_EVERY_S)
            if elapsed > SCAN_S_MAX:
                raise ScanAborted(f"the scan took longer than {SCAN_S_MAX:.0f} s")
            if time.monotonic() - reported >= _REPORT_EVERY_S:
                progress = self._progress() or progress
                report(progress)
                reported = time.monotonic()

    def _progress(self) -> int | None:
        try:
            told = self._client.read("scantxoutset", "status")
        except ChainError:
            return None  # the node may only be busy; one that is gone fails the scan's own call
        return int(told["progress"]) if told else None

    def _asked(self, method: str, *params: Any) -> Any:
        try:
            return self._client.read(method, *params)
        except NodeError as refusal:
            if refusal.rpc_code in {NOT_FOUND, INVALID_PARAMETER}:
                raise DescriptorRefused(str(refusal)) from refusal
            raise


class _ScanCall(threading.Thread):
    """The call that runs the scan, in a thread: it answers when the whole scan is done."""

    def __init__(self, client: NodeClient, objects: list[Any]) -> None:
        super().__init__(name="scantxoutset", daemon=True)
        patient = replace(client.endpoint, timeout_s=SCAN_S_MAX + client.endpoint.timeout_s)
        self._client = NodeClient(patient, client.network)
        self._objects = objects
        self._answer: Any = None
        self._error: ChainError | None = None

    def run(self) -> None:
        try:
            self._answer = self._client.order("scantxoutset", "start", self._objects)
        except ChainError as error:
            self._error = error

    def result(self) -> ScanResult:
        """What was found. Raises ScanInProgress, ScanAborted, or the call's own ChainError."""
        if isinstance(self._error, NodeError) and self._error.rpc_code == INVALID_PARAMETER:
            raise ScanInProgress from self._error
        if self._error is not None:
            raise self._error
        if not self._answer["success"]:
            raise ScanAborted
        return ScanResult(
            outputs=tuple(
                UnspentOutput(bytes.fromhex(found["scriptPubKey"]), to_minor(found["amount"]), found["height"])
                for found in self._answer["unspents"]
            ),
            height=self._answer["height"],
            hash=self._answer["bestblock"],
        )


def _spelt(wanted: ScanObject) -> Any:
    if wanted.indexes is None:
        return {"desc": wanted.descriptor}
    return {"desc": wanted.descriptor, "range": list(wanted.indexes)}
