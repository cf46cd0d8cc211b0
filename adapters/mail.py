"""Hand letters to a mail server (SMTP, RFC 5321; STARTTLS, RFC 3207; implicit TLS, RFC 8314)."""

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import ClassVar, Final, Literal

from domain.errors import StrongroomError

DEADLINE_S: Final = 15.0
_PERMANENT: Final = 500
Security = Literal["none", "starttls", "tls"]


class MailUnavailable(StrongroomError):
    """The mail server does not accept letters at the moment."""

    code: ClassVar[str] = "mail_unavailable"


class MailRefused(StrongroomError):
    """The mail server rejects this letter permanently."""

    code: ClassVar[str] = "mail_refused"


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter, as text and as HTML. `message_id` and `unsubscribe_url` as their headers have them."""

    message_id: str
    to: str
    subject: str
    body: str
    html: str
    written_at: datetime
    unsubscribe_url: str | None


@dataclass(frozen=True, slots=True)
class Mailer:
    """One mail server; `password` is a function, so that no `repr` shows it."""

    host: str
    port: int
    security: Security
    sender: str
    username: str | None = None
    password: Callable[[], str] | None = None
    trust: ssl.SSLContext | None = None

    def send(self, letter: Letter) -> None:
        """Hand one letter over. Raises MailUnavailable, MailRefused."""
        message = _message(letter, self.sender)
        try:
            with self._connected() as server:
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as fault:
            code, words = next(iter(fault.recipients.values()))
            raise _refusal(code)(_words(words)) from fault
        except smtplib.SMTPResponseException as fault:
            raise _refusal(fault.smtp_code)(_words(fault.smtp_error)) from fault
        except (smtplib.SMTPException, OSError) as fault:
            raise MailUnavailable(type(fault).__name__) from fault

    def _connected(self) -> smtplib.SMTP:
        trust = self.trust or ssl.create_default_context()
        if self.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=DEADLINE_S, context=trust)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=DEADLINE_S)
        try:
            if self.security == "starttls":
                server.starttls(context=trust)
            if self.username is not None and self.password is not None:
                server.login(self.username, self.password())
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError) as fault:
            server.close()
            # A wrong password is no fault of the letter: it is retried until the setting is right.
            raise MailUnavailable("the mail server does not let us in") from fault
        except BaseException:
            server.close()
            raise
        return server


def _message(letter: Letter, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, letter.to, letter.subject
    message["Date"], message["Message-ID"] = format_datetime(letter.written_at), letter.message_id
    # Nobody's holiday replies (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    if letter.unsubscribe_url is not None:
        message["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(letter.body)
    message.add_alternative(letter.html, subtype="html")
    return message


def _refusal(code: int) -> type[StrongroomError]:
    return MailRefused if code >= _PERMANENT else MailUnavailable


def _words(words: bytes | str) -> str:
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else words
