"""E-mail to operators: write letters about what happened, and hand them to a mail server one after the other."""

import functools

import structlog
from celery.signals import worker_process_shutdown

from adapters.mail import Letter, Mailer, MailRefused, MailUnavailable
from auth.oauth.provider import Provider
from domain.actor import Actor
from domain.crash import crash_point
from services import event_log, mail
from services.events import ALERT
from services.leases import LeaseLost
from services.mail import Ready
from tasks.app import task
from tasks.couriers import Couriers
from tasks.runtime import worker_name
from wiring.container import Container
from wiring.mailing import mailer_of

log = structlog.get_logger(__name__)

CONSUMER = "mail"


@task("mail.send")
def send(container: Container, by: Actor) -> int:
    """Write the letters that are due and send them off; nothing without a mail server. Returns how many."""
    mailer = mailer_of(container.settings)
    if mailer is None:
        pass_over(container)
        return 0
    written = write(container)
    if _couriers().free:
        _couriers().send(functools.partial(send_due, container, mailer))
    return written


def write(container: Container) -> int:
    """Write letters, in the transaction that finishes the events that they are about. Returns how many."""
    public_url, now = container.settings.public_url, container.now()
    written = 0
    with container.transaction() as session:
        batch = event_log.claim(session, CONSUMER, owner=worker_name(), now=now, sources=(ALERT,))
        if batch is not None:
            written += mail.write_urgent(session, batch.events, public_url=public_url, now=now)
            event_log.advance(session, batch, now=now)
    with container.transaction() as session:
        written += mail.collect(session, public_url=public_url, now=now)
    with container.transaction() as session:
        written += mail.write_after_silence(session, public_url=public_url, now=now)
    return written


def pass_over(container: Container) -> None:
    """Finish events that nobody can be written to about, because there is no mail server (any more).

    A consumer that stands still keeps everything after it from being archived, and once it went on it would write about
    what has long been over.
    """
    with container.transaction() as session:
        now = container.now()
        batch = event_log.claim(session, CONSUMER, owner=worker_name(), now=now, sources=(ALERT,), shaped=False)
        if batch is not None:
            event_log.advance(session, batch, now=now)


def send_due(container: Container, mailer: Mailer) -> int:
    """Hand over the letters that are due. Returns how many were tried."""
    with container.transaction() as session:
        due = mail.claim(session, owner=worker_name(), now=container.now())
    for ready in due:
        _send(container, mailer, ready)
    return len(due)


def _send(container: Container, mailer: Mailer, ready: Ready) -> None:
    error, is_final = None, False
    try:
        mailer.send(_letter(container, ready))
        crash_point("mail.sent")
    except MailRefused as refusal:
        error, is_final = str(refusal), True
    except MailUnavailable as refusal:
        error = str(refusal)
    if error is not None:
        log.warning("letter_not_sent", letter_id=str(ready.letter_id), error=error, is_final=is_final)
    try:
        with container.transaction() as session:
            mail.record(session, ready, error=error, is_final=is_final, now=container.now())
    except LeaseLost:
        log.warning("lease_lost", letter_id=str(ready.letter_id))


def _letter(container: Container, ready: Ready) -> Letter:
    settings = container.settings
    tag = Provider(settings.public_url, settings.secret_key.reveal()).tag(f"mail:{ready.user_id}:{ready.address}")
    return Letter(
        message_id=f"<{ready.letter_id}@{settings.public_url.partition('://')[2].partition(':')[0]}>",
        to=ready.address,
        subject=ready.subject,
        body=ready.body,
        html=ready.html,
        written_at=ready.written_at,
        unsubscribe_url=f"{settings.public_url}/mail/unsubscribe/{ready.user_id}/{tag}",
    )


@functools.cache
def _couriers() -> Couriers:
    """The courier of this process, made after the fork: a mail server is spoken to by one at a time."""
    return Couriers("mail", count=1)


@worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def _stop(**_: object) -> None:
    if _couriers.cache_info().currsize:
        _couriers().end()
