"""Processes that die at any marked step while they look into a claim: one decision, one credit."""

import signal
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models.verification import ClaimedTransferRow, VerificationExchange
from services import invariants
from tests.crash.test_crashes import OF_A_CLAIM
from tests.dying import die_at
from tests.verification.desk import DOLLAR, Desk
from wiring.secret import Secret
from wiring.verify_settings import VerifySettings

LEASE_IS_OVER = timedelta(minutes=4)


def killed_at(desk: Desk, crash_at: str) -> bool:
    """Look into what is due in another process; returns whether that was killed."""
    asked = VerifySettings("solana", (Secret(desk.provider.url),))
    settings = replace(desk.container.settings, verify_chains=(asked,))
    return die_at(replace(desk.container, settings=settings), "verify", crash_at) == -signal.SIGKILL


@pytest.mark.parametrize("crash_at", OF_A_CLAIM)
def test_a_claim_is_credited_once_whenever_its_verifier_dies(desk: Desk, crash_at: str) -> None:
    claimed = desk.claim(desk.pay(1))
    assert killed_at(desk, crash_at)
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
