"""Whether a withdrawal may be asked for, and how many operators must agree to it."""

from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError
from domain.money import format_amount
from domain.rail_rows import RailRow
from domain.rails import RAILS
from models.asset import Asset, WithdrawalPolicy
from models.deferred import Deferred, refuse
from models.withdrawal import AllowedDestination, Withdrawal
from services import assets, audit
from services.withdrawals.terms import Terms

DAY = timedelta(days=1)


class WithdrawalsPaused(StrongroomError):
    """Withdrawals of this asset are paused by an operator."""

    code: ClassVar[str] = "withdrawals_paused"


class AmountBelowMinimum(StrongroomError):
    """The amount is below the smallest that can be withdrawn."""

    code: ClassVar[str] = "amount_below_minimum"


class DailyLimitExceeded(StrongroomError):
    """This would exceed the limit for 24 hours."""

    code: ClassVar[str] = "daily_limit_exceeded"


class SystemLimitExceeded(StrongroomError):
    """The house's daily withdrawal limit is reached; retry tomorrow (UTC)."""

    code: ClassVar[str] = "system_limit_exceeded"


class DestinationNotAllowed(StrongroomError):
    """The destination is not on the allowlist, or has not been for the cool-down time yet."""

    code: ClassVar[str] = "destination_not_allowed"


class KeyCooldown(StrongroomError):
    """The keys of this account changed recently; withdrawals are possible again after the cool-down."""

    code: ClassVar[str] = "key_cooldown"


def rail_of(asset: Asset) -> RailRow:
    """The rail an asset moves on."""
    return RAILS[asset.chain]


def check_request(
    session: Session, terms: Terms, *, user_id: UUID, destination: str, amount_minor: int, now: datetime
) -> str:
    """Everything that can be refused before funds are held; returns the destination in its canonical spelling.

    Raises what `check_terms` raises, and DestinationNotAllowed.
    """
    spelled = check_terms(terms, destination=destination, amount_minor=amount_minor, now=now)
    added_before = now - timedelta(seconds=terms.policy.key_cooldown_s)
    asset_id = terms.asset.asset_id
    if terms.policy.allowlist_only and not _on_allowlist(session, user_id, asset_id, spelled, added_before):
        raise DestinationNotAllowed(fields={"destination": ["is not on your list of allowed destinations yet"]})
    return spelled


def check_terms(terms: Terms, *, destination: str, amount_minor: int, now: datetime) -> str:
    """What the terms alone refuse; returns the destination in its canonical spelling.

    Raises InvalidAddress, WrongNetwork, WithdrawalsPaused, AmountBelowMinimum, KeyCooldown.
    """
    asset, policy = terms.asset, terms.policy
    if policy.paused:
        raise WithdrawalsPaused
    spelled = rail_of(asset).parse_destination(destination).text
    minimum_minor = max(policy.minimum_minor, rail_of(asset).dust_limit_minor)
    if amount_minor < minimum_minor:
        reason = f"must be at least {format_amount(minimum_minor, asset.decimals)} {asset.symbol}"
        raise AmountBelowMinimum(f"amount: {reason}", fields={"amount": [reason]})
    _check_cooldown(terms, timedelta(seconds=policy.key_cooldown_s), now)
    return spelled


def check_user_limit(
    session: Session, asset: Asset, policy: WithdrawalPolicy, *, user_id: UUID, amount_minor: int, now: datetime
) -> None:
    """The user's daily limit. Call after the hold is placed: its lock on the user's account makes the sum exact.

    It need not be waited for: the transaction raises DailyLimitExceeded, with the commit at the latest.
    """
    _within_limit(session, asset, policy, user_id=user_id, asked_minor=amount_minor, counted_minor=0, now=now)


def check_transfer(session: Session, terms: Terms, *, user_id: UUID, amount_minor: int, now: datetime) -> None:
    """The same for what goes to another user, where that counts; the cool-down of the keys as well.

    Call after the flow was opened and the amount has moved: it is among what is counted. Raises KeyCooldown, and as
    `check_user_limit` DailyLimitExceeded.
    """
    _check_cooldown(terms, timedelta(seconds=terms.policy.key_cooldown_s), now)
    asset, policy = terms.asset, terms.policy
    _within_limit(session, asset, policy, user_id=user_id, asked_minor=0, counted_minor=amount_minor, now=now)


def _within_limit(
    session: Session,
    asset: Asset,
    policy: WithdrawalPolicy,
    *,
    user_id: UUID,
    asked_minor: int,
    counted_minor: int,
    now: datetime,
) -> None:
    def refusal(left_minor: str) -> DailyLimitExceeded:
        left = format_amount(max(int(left_minor) + counted_minor, 0), asset.decimals)
        reason = f"is above what is left of your daily limit: {left} {asset.symbol}"
        return DailyLimitExceeded(f"amount: {reason}", fields={"amount": [reason]})

    refuse(session, _WITHIN_USER_LIMIT, refusal)
    _CHECK_USER.later(session, user_id, asset.asset_id, now - DAY, asked_minor, policy.daily_user_limit_minor)


def check_system_limit(
    session: Session, asset: Asset, policy: WithdrawalPolicy, *, amount_minor: int, now: datetime
) -> None:
    """The limit of the whole house for this day, counted in rows that everybody's withdrawals share.

    Call it last: it is counted together with the commit, so that no row is locked for a round trip. The transaction
    raises SystemLimitExceeded as it ends, and nothing of it has happened.
    """
    limit_minor = policy.daily_system_limit_minor
    if is_limited(policy):
        refuse(session, _WITHIN_SYSTEM_LIMIT, lambda _: SystemLimitExceeded())
        _COUNT_DAY.later(session, asset.asset_id, now.date().isoformat(), amount_minor, limit_minor)


def is_limited(policy: WithdrawalPolicy) -> bool:
    """Whether what is asked for now counts on the day of the whole house; its withdrawal says so from then on."""
    return policy.daily_system_limit_minor is not None


def approvals_needed(policy: WithdrawalPolicy, amount_minor: int) -> int:
    """None up to the automatic limit, two from the two-approver threshold on, one in between."""
    if amount_minor <= policy.auto_limit_minor:
        return 0
    return 2 if amount_minor >= policy.two_approvals_above_minor else 1


def give_back_system_day(session: Session, withdrawal: Withdrawal) -> None:
    """Take a withdrawal that came to nothing off the day it was counted on, if it was."""
    if not withdrawal.is_counted:
        return
    day = withdrawal.requested_at.date().isoformat()
    _COUNT_DAY.later(session, withdrawal.asset_id, day, -withdrawal.amount_minor, None)


def pause(session: Session, asset_id: str, *, now: datetime, by: Actor) -> WithdrawalPolicy:
    """Accept and send no withdrawals of an asset until resumed, but for those that were offered before.

    Raises UnknownAsset.
    """
    return _set_paused(session, asset_id, paused=True, now=now, by=by)


def resume(session: Session, asset_id: str, *, now: datetime, by: Actor) -> WithdrawalPolicy:
    """Accept and send withdrawals of an asset again. Raises UnknownAsset."""
    return _set_paused(session, asset_id, paused=False, now=now, by=by)


_WITHIN_USER_LIMIT = "withdrawal_within_user_limit"
_CHECK_USER = Deferred(
    "withdrawal_user_limit_checked",
    "uuid, text, timestamptz, numeric, numeric",
    "SELECT withdrawal_within_user_limit($1, $2, $3, $4, $5)",
)
_WITHIN_SYSTEM_LIMIT = "ck_withdrawal_days_within_limit"
_COUNT_DAY = Deferred(
    "withdrawal_day_counted", "text, text, numeric, numeric", "SELECT withdrawal_day_count($1, $2, $3, $4)"
)


def _check_cooldown(terms: Terms, cooldown: timedelta, now: datetime) -> None:
    first = min(terms.keys_added_at, default=now)
    changes = [at for at in (*terms.keys_added_at, *terms.keys_removed_at) if at != first]
    until = max(changes, default=first - cooldown) + cooldown
    if changes and now < until:
        raise KeyCooldown(
            f"the keys of this account changed recently; withdrawals open again at {until:%Y-%m-%dT%H:%M:%SZ}"
        )


def _on_allowlist(session: Session, user_id: UUID, asset_id: str, destination: str, added_before: datetime) -> bool:
    return (
        session.scalar(
            select(AllowedDestination.id).where(
                AllowedDestination.user_id == user_id,
                AllowedDestination.asset_id == asset_id,
                AllowedDestination.destination == destination,
                AllowedDestination.added_at <= added_before,
            )
        )
        is not None
    )


def _set_paused(session: Session, asset_id: str, *, paused: bool, now: datetime, by: Actor) -> WithdrawalPolicy:
    policy = assets.policy(session, asset_id)
    if policy.paused != paused:
        policy.paused = paused
        event = "withdrawals.paused" if paused else "withdrawals.resumed"
        audit.record(session, event, by=by, now=now, detail={"asset_id": asset_id})
        _show_why_they_wait(session, asset_id, paused=paused)
    return policy


def _show_why_they_wait(session: Session, asset_id: str, *, paused: bool) -> None:
    """Tell the owners of withdrawals that have not left that they wait for an operator, or no longer do."""
    waiting = update(Withdrawal).where(Withdrawal.asset_id == asset_id, Withdrawal.state.in_(("approved", "signed")))
    if paused:
        session.execute(waiting.values(waiting_reason=WithdrawalsPaused.code))
    else:
        ended = waiting.where(Withdrawal.waiting_reason == WithdrawalsPaused.code)
        session.execute(ended.values(waiting_reason=None, due_at=None))
