"""Simultaneous requests for withdrawals, accepted in one batch by one database function and one commit.

Only the usual case is handled: a person's request that the terms allow, and no row that has to be waited for. In any
other (insufficient funds, a limit, a used key, a locked account) nothing changes here, and
services/withdrawals/requesting.py decides about it or refuses it.
"""

import json
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from domain.actor import Actor
from domain.ids import new_id, short_id
from domain.ledger import request_hash
from models.batched_statements import BatchedWrite
from models.withdrawal import Withdrawal
from services.idempotency import Answer, Asked
from services.withdrawals import policy as rules
from services.withdrawals.drafting import drafted, hold_of
from services.withdrawals.terms import Terms

PROMISED: Final = "withdrawals.pay"
"""The task for withdrawals that need no approval."""

# The database's type `withdrawal_asked` has the fields of a request; this statement returns the accepted ones.
ACCEPT: Final = BatchedWrite(
    "withdrawals_accepted",
    "jsonb[]",
    """
    SELECT shown.place FROM unnest($1) WITH ORDINALITY AS shown (one, place)
    JOIN withdrawals_request($1) AS accepted (id) ON accepted.id = CAST(one ->> 'id' AS uuid)
    """,
)


def usual(
    terms: Terms, *, user_id: UUID, amount_minor: int, destination: str, beneficiary_name: object, now: datetime
) -> Withdrawal | None:
    """The withdrawal for this request; None if the terms alone cannot decide.

    Raises what policy.check_terms raises, and InvalidBeneficiary.
    """
    if terms.policy.allowlist_only:
        return None
    spelled = rules.check_terms(terms, destination=destination, amount_minor=amount_minor, now=now)
    withdrawal = drafted(
        terms,
        user_id=user_id,
        amount_minor=amount_minor,
        destination=spelled,
        beneficiary_name=beneficiary_name,
        now=now,
    )
    withdrawal.flow_id = new_id()
    return withdrawal


def question(terms: Terms, withdrawal: Withdrawal, *, asked: Asked, answer: Answer, by: Actor) -> str:
    """The argument of ACCEPT for one request, as JSON: the withdrawal, its terms, the actor, the key and its answer."""
    policy, at = terms.policy, withdrawal.requested_at
    known: dict[str, Any] = {
        **{name: getattr(withdrawal, name) for name in _OF_THE_WITHDRAWAL},
        "short_id": short_id(withdrawal.flow_id),
        "at": at.isoformat(),
        "day": at.date().isoformat(),
        "user_limit_minor": policy.daily_user_limit_minor,
        "system_limit_minor": policy.daily_system_limit_minor,
        "owner_account": terms.owner_account,
        "hot_wallet_account": terms.hot_wallet_account,
        "fees_account": terms.fees_account,
        "hold_hash": _bytes(request_hash(hold_of(terms, withdrawal))),
        **{name: getattr(by, name) for name in _OF_THE_DOER},
        "actor": by.name,
        "key": asked.key,
        "request_hash": _bytes(asked.request_hash),
        "status": answer.status,
        "body": answer.body,
    }
    return json.dumps(known, default=str)


_OF_THE_WITHDRAWAL: Final = (
    "id",
    "user_id",
    "asset_id",
    "chain",
    "destination",
    "beneficiary_name",
    "amount_minor",
    "fee_minor",
    "state",
    "approvals_needed",
    "is_counted",
    "flow_id",
)
_OF_THE_DOER: Final = ("correlation_id", "address", "user_agent", "request_id")


def _bytes(value: bytes) -> str:
    """Bytes as PostgreSQL reads them from text."""
    return f"\\x{value.hex()}"
