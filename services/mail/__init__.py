"""E-mail to operators: at once about what is critical, hourly and together about the rest."""

from services.mail.addresses import InvalidMailAddress, MailCodeWrong, confirm, forget, of_user, request
from services.mail.after_silence import write_after_silence
from services.mail.letters import Ready, claim, collect, forget_old, record, write_urgent

__all__ = [
    "InvalidMailAddress",
    "MailCodeWrong",
    "Ready",
    "claim",
    "collect",
    "confirm",
    "forget",
    "forget_old",
    "of_user",
    "record",
    "request",
    "write_after_silence",
    "write_urgent",
]
