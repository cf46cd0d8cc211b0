"""Processes that die at any marked step while they look into a claim: one decision, one credit."""

import multiprocessing
import os
import signal
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest
from sqlalchemy import func, select

from domain.crash import CRASH_AT
from models.verification import ClaimedTransferRow, VerificationExchange
from services import invariants
from tasks.verifications import check_batch
from tests.crash.test_crashes import OF_A_CLAIM
from tests.verification.desk import BY, DOLLAR, Desk
from wiring.container import build_container
from wiring.environ import to_environ
from wiring.secret import Secret
from wiring.settings import read_settings
from wiring.verify_settings import VerifySettings

KILLED = -signal.SIGKILL
PATIENCE_S: Final = 60.0
LEASE_IS_OVER = timedelta(minutes=4)
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__])


def die_at(desk: Desk, crash_at: str) -> int | None:
    """Look into what is due in another process; returns how that ended (-9: killed)."""
    asked = VerifySettings("solana", (Secret(desk.provider.url),))
    settings = replace(desk.container.settings, verify_chains=(asked,))
    process = _processes.Process(target=_run, args=({**to_environ(settings), CRASH_AT: crash_at},))
    process.start()
    process.join(PATIENCE_S)
    return process.exitcode


def _run(environ: dict[str, str]) -> None:
    os.environ.update(environ)
    check_batch(build_container(read_settings(environ)), BY)


@pytest.mark.parametrize("crash_at", OF_A_CLAIM)
def test_a_claim_is_credited_once_whenever_its_verifier_dies(desk: Desk, crash_at: str) -> None:
    claimed = desk.claim(desk.pay(1))
    assert die_at(desk, crash_at) == KILLED
    assert desk.told(claimed) == ("requested", None)
    desk.check()
    assert desk.told(claimed) == ("requested", None)  # the lease of the dead still holds
    desk.later(LEASE_IS_OVER)
    desk.check()
    desk.check()
    assert desk.told(claimed) == ("verified", None)
    assert desk.balance() == 10 * DOLLAR
    with desk.container.reading() as session:
        assert session.scalar(select(func.count()).select_from(ClaimedTransferRow)) == 1
        # What the dead one was told is not evidence of anything: it decided nothing.
        assert session.scalars(select(VerificationExchange.attempt).distinct()).all() == [2]
        assert invariants.check(session) == []
