"""Which outputs cannot be ours: told in memory, so that a block costs little more than what it pays us.

A look-up in an index of a million scripts meets a page that no other look-up has just touched, and nearly all outputs
of a chain are strangers'. So each process keeps a bit for every script of ours, in a table of bits much larger than
their number, and asks PostgreSQL only about outputs whose bit is set. It errs in one direction only: a stranger's
output may be looked up in vain, one of ours is never passed over.

That rests on the filter knowing every address that is committed when it is asked. Each row says which transaction
wrote it, and the filter remembers the oldest one that was at work when it last looked: whatever it has not seen was
written by that one or by a later one. What is rolled back after it was seen leaves a bit too many.
"""

import sys
import threading
from collections.abc import Sequence
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

START: Final = 4
WIDTH: Final = 8
"""Which bytes of a script choose its bit: in every kind of script in use, these differ between owners."""
BITS_EACH: Final = 32
BITS_MIN: Final = 1 << 20
ADDRESSES_MAX: Final = 20_000_000
"""With more addresses than this (80 MB of bits), each output is looked up."""
_BYTE: Final = 8

# A filter belongs to one table of one running server: after a restore or restart it is rebuilt.
_NEW: Final = text(
    f"""
    SELECT concat_ws(' ', pg_postmaster_start_time(), 'deposit_addresses'::regclass::oid,
            (SELECT xid_offset FROM log_epoch)) AS of,
        log_settled_xid() AS settled,
        (SELECT string_agg(
            substr(script || decode(repeat('00', {START + WIDTH}), 'hex'), {START + 1}, {WIDTH}), ''::bytea)
         FROM deposit_addresses WHERE chain = :chain AND xid >= :since) AS marks
    """  # noqa: S608 - numbers of ours
)
_COUNT: Final = text("SELECT count(*) FROM deposit_addresses WHERE chain = :chain")


class _Known(NamedTuple):
    """What PostgreSQL says: which server's table this is, the oldest transaction at work, and what it has since."""

    of: str
    settled: int
    marks: bytes


class ScriptFilter:
    """The filter of one chain in one process."""

    def __init__(self, chain: str) -> None:
        """Knows nothing yet; `brought_up` comes first."""
        self._chain = chain
        self._lock = threading.Lock()
        self._of = ""
        self._since = 0
        self._room = 0
        self._mask = 0
        self._bits = bytearray()

    def candidates(self, session: Session, scripts: Sequence[bytes]) -> list[int]:
        """The places of the scripts that may be ours, knowing every address committed by now."""
        with self._lock:
            self._bring_up(session)
            bits, mask = self._bits, self._mask
            if not bits:
                return list(range(len(scripts)))
            found = []
            for place, script in enumerate(scripts):
                bit = int.from_bytes(script[START : START + WIDTH], "little") & mask
                if bits[bit >> 3] >> (bit & 7) & 1:
                    found.append(place)
            return found

    def _bring_up(self, session: Session) -> None:
        known = self._read(session, self._since) if self._of else None
        if known is None or known.of != self._of or len(known.marks) > self._room * WIDTH:
            self._begin(session)
            known = self._read(session, 0)
        self._of, self._since = known.of, known.settled
        if self._bits:
            self._room -= len(known.marks) // WIDTH
            self._set(known.marks)

    def _read(self, session: Session, since: int) -> "_Known":
        of, settled, marks = session.execute(_NEW, {"chain": self._chain, "since": since}).one()
        return _Known(of, settled, bytes(marks or b""))

    def _begin(self, session: Session) -> None:
        """Make an empty bit table with room for twice the present number of addresses."""
        count = session.execute(_COUNT, {"chain": self._chain}).scalar_one()
        if count > ADDRESSES_MAX:
            self._bits, self._room = bytearray(), sys.maxsize
            return
        bits = max(BITS_MIN, 1 << (BITS_EACH * count).bit_length())
        self._mask, self._bits, self._room = bits - 1, bytearray(bits // _BYTE), 2 * bits // BITS_EACH

    def _set(self, marks: bytes) -> None:
        bits, mask = self._bits, self._mask
        for start in range(0, len(marks), WIDTH):
            bit = int.from_bytes(marks[start : start + WIDTH], "little") & mask
            bits[bit >> 3] |= 1 << (bit & 7)


_filters: WeakKeyDictionary[Engine, dict[str, ScriptFilter]] = WeakKeyDictionary()


def of(session: Session, chain: str) -> ScriptFilter:
    """This process's filter for a chain of the session's database."""
    bind = session.get_bind()
    return _filters.setdefault(bind.engine, {}).setdefault(chain, ScriptFilter(chain))
