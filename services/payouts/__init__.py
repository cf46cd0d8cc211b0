"""Chain payments on their way out: signed once, stored, sent, followed until final."""

from services.payouts.bumping import (
    CannotCancel,
    Replaceable,
    ask_for_bump,
    ask_for_cancel,
    asked_for_bump,
    bumpable,
    record_bumped,
    record_not_bumped,
)
from services.payouts.coming_back import (
    NotReturned,
    book_return,
    claim_completed,
    record_silence,
    record_word,
)
from services.payouts.coming_back import of as return_of
from services.payouts.following import fail_conflicted, settle_due, sight_blocks, undo_above
from services.payouts.reading import CLOSED, PayoutNotFound, committed, forms_of, inputs_in_flight, one, senders
from services.payouts.recovering import AlreadyBooked, NotThesePayments, adopt, charge, claimants, unbooked
from services.payouts.reporting import (
    about_to_ask,
    claim_reportable,
    hurry,
    record_refused,
    record_report,
    was_not_asked,
)
from services.payouts.resolving import NoProof, give_up, retry
from services.payouts.sending import (
    Outgoing,
    claim_unconfirmed,
    record_answer,
    record_located,
    record_uncertain,
    record_unsent,
)
from services.payouts.signing import Batch, InputsTaken, claim_approved, record_signed, record_waiting, store

__all__ = [
    "CLOSED",
    "AlreadyBooked",
    "Batch",
    "CannotCancel",
    "InputsTaken",
    "NoProof",
    "NotReturned",
    "NotThesePayments",
    "Outgoing",
    "PayoutNotFound",
    "Replaceable",
    "about_to_ask",
    "adopt",
    "ask_for_bump",
    "ask_for_cancel",
    "asked_for_bump",
    "book_return",
    "bumpable",
    "charge",
    "claim_approved",
    "claim_completed",
    "claim_reportable",
    "claim_unconfirmed",
    "claimants",
    "committed",
    "fail_conflicted",
    "forms_of",
    "give_up",
    "hurry",
    "inputs_in_flight",
    "one",
    "record_answer",
    "record_bumped",
    "record_located",
    "record_not_bumped",
    "record_refused",
    "record_report",
    "record_signed",
    "record_silence",
    "record_uncertain",
    "record_unsent",
    "record_waiting",
    "record_word",
    "retry",
    "return_of",
    "senders",
    "settle_due",
    "sight_blocks",
    "store",
    "unbooked",
    "undo_above",
    "was_not_asked",
]
