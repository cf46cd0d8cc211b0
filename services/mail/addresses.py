"""Operators' e-mail addresses: nothing is sent to one that was not confirmed from that address."""

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError
from models.mail import MailAddress
from services import audit, event_log
from services.mail import letters

CODE_LIFETIME: Final = timedelta(days=1)
_CODE_BYTES: Final = 24
_LENGTH_MAX: Final = 254
# One @, a host with a dot, and nothing that could break a header. Whether it exists is shown by the letter to it.
_SHAPE: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", re.ASCII)


class InvalidMailAddress(StrongroomError):
    """This is not an e-mail address that letters can be sent to."""

    code: ClassVar[str] = "invalid_mail_address"


class MailCodeWrong(StrongroomError):
    """The link is not the latest one, or is older than a day: request another letter."""

    code: ClassVar[str] = "mail_code_wrong"


def request(session: Session, user_id: UUID, address: str, *, public_url: str, now: datetime, by: Actor) -> MailAddress:
    """Send a letter to an address, asking to confirm it; until then nothing else goes there.

    Raises InvalidMailAddress.
    """
    if len(address) > _LENGTH_MAX or not _SHAPE.fullmatch(address):
        raise InvalidMailAddress(fields={"address": ["is no e-mail address"]})
    code = secrets.token_urlsafe(_CODE_BYTES)
    row = session.get(MailAddress, user_id, with_for_update=True) or MailAddress(user_id=user_id)
    row.address, row.code_hash, row.code_sent_at, row.confirmed_at = address, _digest(code), now, None
    row.collected_to, row.collected_at = str(event_log.present(session)), now
    session.add(row)
    session.flush()
    letters.write_confirmation(session, row, f"{public_url}/operator/mail/confirm?code={code}", now=now)
    audit.record(session, "mail.requested", by=by, now=now)
    return row


def confirm(session: Session, user_id: UUID, code: str, *, now: datetime, by: Actor) -> None:
    """Confirm an address by the code of the letter that was sent there. Raises MailCodeWrong."""
    row = session.get(MailAddress, user_id, with_for_update=True)
    if row is None or not hmac.compare_digest(row.code_hash, _digest(code)) or row.code_sent_at < now - CODE_LIFETIME:
        raise MailCodeWrong
    if row.confirmed_at is None:
        row.confirmed_at = row.collected_at = now
        row.collected_to = str(event_log.present(session))
        audit.record(session, "mail.confirmed", by=by, now=now)


def forget(session: Session, user_id: UUID, *, now: datetime, by: Actor) -> None:
    """Forget an operator's address."""
    gone = session.execute(delete(MailAddress).where(MailAddress.user_id == user_id).returning(MailAddress.user_id))
    if gone.first() is not None:
        letters.withdraw(session, user_id)
        audit.record(session, "mail.forgotten", by=by, now=now)


def of_user(session: Session, user_id: UUID) -> MailAddress | None:
    """The address of an operator, confirmed or not."""
    return session.get(MailAddress, user_id)


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).digest()
