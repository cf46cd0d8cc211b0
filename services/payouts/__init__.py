"""Chain payments on their way out: signed once, stored, sent, followed until final."""

from services.payouts.asserting import (
    AlreadySaid,
    Asserted,
    MayStillBeMade,
    NotAProviderId,
    assertion_of,
    claim_asserted,
    record_found,
    say_it_is,
    say_never_made,
)
from services.payouts.bearing import NotMadeAfterAll, book_as_lost, recover
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
    record_word,
)
from services.payouts.coming_back import of as return_of
from services.payouts.following import fail_conflicted, settle_due, sight_blocks, undo_above
from services.payouts.looking_again import Closed, claim_closed, claim_nameless, record_silence
from services.payouts.made_after_all import CODE as MADE_AFTER_ALL
from services.payouts.made_after_all import of as made_after_all_of
from services.payouts.made_after_all import record_shown
from services.payouts.reading import CLOSED, PayoutNotFound, committed, forms_of, inputs_in_flight, one, senders
from services.payouts.recovering import (
    AlreadyBooked,
    NotThesePayments,
    adopt,
    charge,
    claimants,
    unbooked,
    unknown,
)
from services.payouts.recovering_accounts import account_for, nonces_known, nonces_to_explain
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
from services.payouts.signing import Batch, InputsTaken, claim_approved, record_signed, store
from services.payouts.sweeping import coin_on
from services.payouts.unblocking import in_the_way
from services.payouts.waiting import record_waiting, retry_unfunded

__all__ = [
    "CLOSED",
    "MADE_AFTER_ALL",
    "AlreadyBooked",
    "AlreadySaid",
    "Asserted",
    "Batch",
    "CannotCancel",
    "Closed",
    "InputsTaken",
    "MayStillBeMade",
    "NoProof",
    "NotAProviderId",
    "NotMadeAfterAll",
    "NotReturned",
    "NotThesePayments",
    "Outgoing",
    "PayoutNotFound",
    "Replaceable",
    "about_to_ask",
    "account_for",
    "adopt",
    "ask_for_bump",
    "ask_for_cancel",
    "asked_for_bump",
    "assertion_of",
    "book_as_lost",
    "book_return",
    "bumpable",
    "charge",
    "claim_approved",
    "claim_asserted",
    "claim_closed",
    "claim_nameless",
    "claim_reportable",
    "claim_unconfirmed",
    "claimants",
    "coin_on",
    "committed",
    "fail_conflicted",
    "forms_of",
    "give_up",
    "hurry",
    "in_the_way",
    "inputs_in_flight",
    "made_after_all_of",
    "nonces_known",
    "nonces_to_explain",
    "one",
    "record_answer",
    "record_bumped",
    "record_found",
    "record_located",
    "record_not_bumped",
    "record_refused",
    "record_report",
    "record_shown",
    "record_signed",
    "record_silence",
    "record_uncertain",
    "record_unsent",
    "record_waiting",
    "record_word",
    "recover",
    "retry",
    "retry_unfunded",
    "return_of",
    "say_it_is",
    "say_never_made",
    "senders",
    "settle_due",
    "sight_blocks",
    "store",
    "unbooked",
    "undo_above",
    "unknown",
    "was_not_asked",
]
