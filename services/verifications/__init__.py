"""Claims that a payment was made: requested, decided from what providers show, decidable again from the evidence."""

from services.verifications.addresses import NotAReceivingAddress, add_address, addresses_of, house_address
from services.verifications.deciding import claim_due, record
from services.verifications.evidence import exchanges_of
from services.verifications.rates import judge_failure_rate
from services.verifications.reading import VerificationNotFound, listed, locked, newest, one
from services.verifications.replaying import ask_again, replayed
from services.verifications.requesting import ClaimOfDeposit, request
from services.verifications.rules import question_of, questions_of, rule_of, set_rule

__all__ = [
    "ClaimOfDeposit",
    "NotAReceivingAddress",
    "VerificationNotFound",
    "add_address",
    "addresses_of",
    "ask_again",
    "claim_due",
    "exchanges_of",
    "house_address",
    "judge_failure_rate",
    "listed",
    "locked",
    "newest",
    "one",
    "question_of",
    "questions_of",
    "record",
    "replayed",
    "request",
    "rule_of",
    "set_rule",
]
