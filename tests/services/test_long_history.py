"""What people and operators ask often is found by an index that fits, not by reading all that ever happened."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import psycopg2
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.ids import new_id
from domain.networks import NETWORKS
from models.asset import Asset
from services import (
    activity,
    addresses,
    alerts,
    assets,
    audit,
    buffers,
    chat,
    checking,
    invariants,
    payouts,
    prices,
    screening,
    sweeps,
    verifications,
    withdrawals,
)
from services.alerts import handling
from services.checking import recent
from services.ledger import statements
from services.ledger.following import next_span
from services.webhooks_out import messages
from services.webhooks_out.endpoints import Owner
from tests.databases import Database
from tests.plans import use_indexes
from wiring.container import Container
from wiring.secret import Secret

NETWORK: Final = NETWORKS["litecoin-regtest"]
ME: Final = new_id()
ENDPOINT: Final = new_id()
FORGET_SIZES: Final = """
    SELECT pg_clear_relation_stats('public', relname) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'i')
"""
NOW: Final = datetime(2026, 11, 1, tzinfo=UTC)
Ask = Callable[[Session], object]
Raw = Callable[[Secret], "psycopg2.extensions.connection"]

QUESTIONS: Final[dict[str, tuple[Ask, set[str]]]] = {
    "what stands": (alerts.standing, {"pk_ops_alerts"}),
    "the transitions of alerts": (
        lambda session: handling.history(session, before=None, limit=50),
        {"ix_ops_alerts_seq"},
    ),
    "whether an alert stands": (
        lambda session: alerts.stands(session, "buffer_low", scope="asset:A"),
        {"ix_ops_alerts_fingerprint_seq"},
    ),
    "what a person was sent": (
        lambda session: activity.newest(session, ME, before=None, limit=20),
        {"pk_received_transfers"},
    ),
    "a person's statement": (
        lambda session: statements.statement(session, 1),
        {"uq_ledger_transfers_debit_account_id_debit_version", "uq_ledger_transfers_credit_account_id_credit_version"},
    ),
    "a person's conversations": (
        lambda session: chat.threads(session, ME, before=None, limit=20),
        {"ix_chat_members_user_id_moved_at"},
    ),
    "what two people said": (
        lambda session: chat.messages(session, ME, ENDPOINT, before=None, limit=20),
        {"uq_conversations_first_user_id_second_user_id", "pk_chat_messages"},
    ),
    "how far somebody has read": (
        lambda session: chat.read_by(session, ME, ENDPOINT),
        {"uq_conversations_first_user_id_second_user_id", "pk_chat_members"},
    ),
    "a person's addresses": (
        lambda session: addresses.of_user(session, ME),
        {"ix_deposit_addresses_user_id_issued_at"},
    ),
    "the kinds in the audit log": (audit.events, {"ix_audit_logs_event_id"}),
    "one kind in the audit log": (
        lambda session: audit.search(session, event="login", limit=100),
        {"ix_audit_logs_event_id"},
    ),
    "one address in the audit log": (
        lambda session: audit.search(session, address="192.0.2.1", limit=100),
        {"ix_audit_logs_address_id"},
    ),
    "what was refused in the audit log": (
        lambda session: audit.search(session, success=False, limit=100),
        {"ix_audit_logs_refused"},
    ),
    "the claims in one state": (
        lambda session: verifications.listed(session, state="rejected"),
        {"ix_payment_verifications_state_id"},
    ),
    "the withdrawals that failed": (
        lambda session: withdrawals.in_states(session, ["failed"], limit=20),
        {"ix_withdrawals_unpaid"},
    ),
    "the withdrawals that wait to be sent": (withdrawals.waiting_counts, {"ix_withdrawals_due"}),
    "the addresses that are not taken from": (
        lambda session: screening.listed(session, after=("a", "b"), limit=20),
        {"ix_listed_addresses_address_chain"},
    ),
    "the messages to an endpoint": (
        lambda session: messages.deliveries(session, Owner(None), ENDPOINT, limit=50),
        {"ix_webhook_deliveries_endpoint_id_id"},
    ),
    "the messages that failed": (
        lambda session: messages.deliveries(session, Owner(None), ENDPOINT, limit=50, state="failed"),
        {"ix_webhook_deliveries_failed"},
    ),
    "what is uncredited": (
        lambda session: buffers._uncredited(session, session.get_one(Asset, NETWORK.asset_id)),
        {"ix_deposits_uncredited"},
    ),
    "what lies on addresses": (sweeps.unswept, {"ix_deposits_unswept", "ix_payouts_unsettled_sweeps"}),
    "what is left on swept addresses": (
        lambda session: sweeps.left_behind(session, NETWORK.chain, besides=["nowhere"]),
        {"pk_swept_chains", "ix_deposit_addresses_address"},
    ),
    "what the next block may hold": (
        lambda session: payouts.sight_blocks(session, NETWORK.chain, [], now=NOW, by=Actor("test")),
        {"ix_payouts_awaited", "ix_payouts_given_up"},
    ),
    "whose payments the next block may hold": (
        lambda session: payouts.senders(session, NETWORK.chain),
        {"ix_payouts_awaited", "ix_payouts_given_up"},
    ),
    "what may not be spent": (
        lambda session: payouts.inputs_in_flight(session, NETWORK.chain),
        {"ix_payouts_awaited", "ix_payouts_open"},
    ),
    "what moved last": (checking.check_newest, {"pk_flow_events", "pk_ledger_transfers", "ix_withdrawals_open"}),
    "the items of flows": (
        lambda session: recent._items(session, [ME]),
        {f"ix_{table}_flow_id" for table in invariants.ITEMS},
    ),
    "the next transfers": (
        lambda session: next_span(session, "test", now=NOW),
        {"pk_ledger_transfers", "uq_ledger_seals_subject_last_id"},
    ),
    "the prices of a pair": (
        lambda session: prices.reading._newest(session, "LTC/USD", None, trusted=True),
        {"ix_reference_prices_pair_source_observed_at"},
    ),
}


def test_no_question_reads_all_that_ever_happened(container: Container, raw: Raw, own_database: Database) -> None:
    """Of tables as small as these it would; where that is priced out, each question has to show which index fits it."""
    with raw(own_database.superuser_url) as connection, connection.cursor() as cursor:
        # The server may have looked at these tables meanwhile: of one that it knows to be empty, any index fits.
        cursor.execute(FORGET_SIZES)
    with container.transaction() as session:
        assets.ensure_rail(session, NETWORK)
        _add_endpoint(session)
    with container.transaction() as session:
        plans = _Plans(session)
        use_indexes(session)
        found: dict[str, set[str]] = {}
        for name, (ask, _) in QUESTIONS.items():
            plans.taken.clear()
            ask(session)
            found[name] = set(re.findall(r"\b(?:ix|uq|pk)_\w+", "\n".join(plans.taken)))
    lacking = {name: sorted(wanted - found[name]) for name, (_, wanted) in QUESTIONS.items()}
    assert {name: missing for name, missing in lacking.items() if missing} == {}


class _Plans:
    """Explains every statement that a session carries out."""

    def __init__(self, session: Session) -> None:
        self.taken: list[str] = []
        event.listen(session.connection(), "before_cursor_execute", self._explain)

    def _explain(self, _connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")):
            cursor.execute(f"EXPLAIN {statement}", parameters)
            self.taken += [line for (line,) in cursor.fetchall()]


def _add_endpoint(session: Session) -> None:
    session.execute(
        text(
            "INSERT INTO webhook_endpoints (id, url, description, kinds, sealed_secret, created_at) "
            "VALUES (:id, 'https://example.com', '', '[]', '', now())"
        ),
        {"id": ENDPOINT},
    )
