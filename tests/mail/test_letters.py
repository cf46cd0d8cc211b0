"""Letters to operators, through a real mail server."""

import asyncio
import email
import email.policy
import re
import signal
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import select

from adapters.mail import Letter, Mailer, MailRefused, MailUnavailable
from domain.actor import Actor
from models.alert import OpsAlert
from models.alert_state import AlertSilence
from models.consumer import Consumer
from models.mail import MailLetter
from services import alerts
from services.alerts import handling
from tasks import mail as tasks
from tests import horizon
from tests.api.house import House
from tests.dying import die_at
from tests.pages.reader import Reader
from wiring.container import Container
from wiring.mailing import mailer_of

WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Mailbox:
    """What a mail server took, and what it says to the next."""

    letters: list[EmailMessage] = field(default_factory=list)
    says: str = "250 OK"
    port: int = 0

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        if self.says.startswith("250"):
            self.letters.append(email.message_from_bytes(content, policy=email.policy.default))
        return self.says


@dataclass
class Post:
    """A house with a mail server, a clock that can be moved, and an operator."""

    house: House
    box: Mailbox
    late: list[timedelta]
    operator: Reader

    def send(self) -> int:
        """Write and send; how many letters arrived."""
        before = len(self.box.letters)
        mailer = mailer_of(self.house.container.settings)
        assert mailer is not None
        horizon.reached(self.house.container.engine)
        tasks.write(self.house.container)
        tasks.send_due(self.house.container, mailer)
        return len(self.box.letters) - before

    def alert(self, severity: Any = "critical", scope: str = "a", reason: str = "It broke.") -> None:
        with self.house.container.transaction() as session:
            alerts.raise_alert(
                session, "seal_broken", scope=scope, severity=severity, reason=reason, now=self.house.container.now()
            )

    def confirm(self) -> None:
        self.operator.post("/operator/mail", address="night@example.com")
        assert self.send() == 1
        assert self.operator.post("/operator/mail/confirm", code=code_in(self.box.letters[-1])).status_code == 303


class Server(Controller):
    """On whichever port is free."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@pytest.fixture
def box() -> Iterator[Mailbox]:
    made = Mailbox()
    server = Server(made, hostname="127.0.0.1", port=0)
    server.start()
    made.port = server.port
    yield made
    server.stop()


@pytest.fixture
def post(container: Container, box: Mailbox) -> Post:
    late: list[timedelta] = []
    settings = replace(container.settings, smtp_host="127.0.0.1", smtp_port=box.port, smtp_security="none")
    clocked = replace(container, settings=settings, clock=lambda: container.clock() + sum(late, timedelta()))
    tasks.write(clocked)
    house = House(clocked)
    return Post(house, box, late, Reader(house, house.person(role="approver")))


def code_in(letter: EmailMessage) -> str:
    found = re.search(r"code=([\w-]+)", text_of(letter))
    assert found is not None
    return found[1]


def page_in(text: str) -> str:
    """Where a letter leads to."""
    found = re.search(r"/operator/alerts/[0-9a-f-]+", text)
    assert found is not None
    return found[0]


def text_of(letter: EmailMessage, kind: str = "plain") -> str:
    part = letter.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_nobody_is_written_to_who_did_not_say_so_from_there(post: Post) -> None:
    post.operator.post("/operator/mail", address="night@example.com")
    post.alert()
    assert post.send() == 1, "only the question whether the address is theirs"
    assert post.operator.post("/operator/mail/confirm", code="wrong").status_code == 404
    other = Reader(post.house, post.house.person(role="approver"))
    assert other.post("/operator/mail/confirm", code=code_in(post.box.letters[0])).status_code == 404
    assert post.operator.post("/operator/mail", address="a@b\r\nBcc: c@example.com").status_code == 422
    assert post.send() == 0


def test_what_is_critical_comes_at_once_and_its_end_too(post: Post) -> None:
    post.confirm()
    post.alert(reason="A line\r\nBcc: x@example.com <b>")
    assert post.send() == 1
    letter = post.box.letters[-1]
    assert letter["Subject"] == "[critical] seal broken"
    assert letter["To"] == "night@example.com"
    assert "A line Bcc: x@example.com <b>" in text_of(letter)
    assert "&lt;b&gt;" in text_of(letter, "html")
    with post.house.container.transaction() as session:
        alerts.clear(session, "seal_broken", scope="a", now=post.house.container.now(), reason="Mended.")
    assert post.send() == 1
    assert post.box.letters[-1]["Subject"] == "[over] seal broken"
    shown = post.operator.text(page_in(text_of(letter)))
    assert "Over: Mended." in shown
    assert post.send() == 0


def test_the_rest_comes_together_once_an_hour(post: Post) -> None:
    post.confirm()
    post.alert("warning", "a")
    post.alert("info", "b")
    assert post.send() == 0
    post.late.append(timedelta(hours=1))
    assert post.send() == 1
    assert post.box.letters[-1]["Subject"] == "[notice] 2 things since the last letter"
    assert text_of(post.box.letters[-1]).count("seal broken") == 2
    assert post.operator.get(page_in(text_of(post.box.letters[-1]))).status_code == 200
    post.late.append(timedelta(hours=1))
    assert post.send() == 0, "there is nothing new"


def test_a_server_that_is_busy_gets_it_later_and_one_that_refuses_does_not(post: Post) -> None:
    post.confirm()
    post.box.says = "451 busy"
    post.alert()
    assert post.send() == 0
    post.box.says = "250 OK"
    assert post.send() == 0, "it is due later"
    post.late.append(timedelta(seconds=10))
    assert post.send() == 1
    post.box.says = "550 no such person"
    post.alert(scope="b")
    assert post.send() == 0
    post.late.append(timedelta(hours=1))
    post.box.says = "250 OK"
    assert post.send() == 0
    with post.house.container.reading() as session:
        assert session.query(MailLetter).filter_by(state="failed").one().error == "no such person"


def test_a_letter_holds_the_way_out_and_it_needs_no_sign_in(post: Post) -> None:
    post.confirm()
    post.alert()
    post.send()
    way_out = str(post.box.letters[-1]["List-Unsubscribe"]).strip("<>").partition("//")[2].partition("/")[2]
    stranger = post.house.visitor()
    assert stranger.post(f"/{way_out[:-1]}x").status_code == 200
    post.alert(scope="b")
    assert post.send() == 1, "that was not the address of the letter"
    assert stranger.get(f"/{way_out}").status_code == 200
    assert stranger.post(f"/{way_out}", data={"List-Unsubscribe": "One-Click"}).status_code == 200
    post.alert(scope="c")
    assert post.send() == 0


def test_who_is_no_operator_any_more_is_written_to_no_more(post: Post) -> None:
    from auth import roles

    post.confirm()
    with post.house.container.transaction() as session:
        roles.revoke(session, post.operator.person.user_id, "approver")
    post.alert()
    assert post.send() == 0


def test_a_connection_that_must_be_private_is_private_or_is_not_used(box: Mailbox) -> None:
    letter = Letter("<1@x>", "a@example.com", "s", "b", "<p>b</p>", WRITTEN, None)
    with pytest.raises(MailUnavailable):
        Mailer("127.0.0.1", box.port, "starttls", "x@example.com").send(letter)
    with pytest.raises(MailUnavailable):
        Mailer("127.0.0.1", box.port, "tls", "x@example.com", trust=ssl.create_default_context()).send(letter)
    with pytest.raises(MailUnavailable):
        Mailer("127.0.0.1", box.port, "none", "x@example.com", "user", lambda: "password").send(letter)
    assert box.letters == []
    box.says = "550 never"
    with pytest.raises(MailRefused):
        Mailer("127.0.0.1", box.port, "none", "x@example.com").send(letter)


def test_nobody_is_written_to_about_what_is_silenced(post: Post) -> None:
    post.confirm()
    now = post.house.container.now()
    with post.house.container.transaction() as session:
        handling.silence(
            session, "seal_broken", "a", until=now + timedelta(hours=1), reason="known", now=now, by=Actor("test")
        )
    post.alert(scope="a")
    assert post.send() == 0
    post.alert(scope="b")
    assert post.send() == 1


def test_what_was_silenced_and_still_stands_is_told_of_when_the_silence_is_over(post: Post) -> None:
    post.confirm()
    now, by = post.house.container.now(), Actor("test")

    def hush(scope: str, hours: int) -> AlertSilence:
        until = now + timedelta(hours=hours)
        with post.house.container.transaction() as session:
            return handling.silence(session, "seal_broken", scope, until=until, reason="known", now=now, by=by)

    for scope, hours in (("stands", 1), ("ended", 1), ("twice", 1), ("twice", 3)):
        hush(scope, hours)
    by_hand = hush("by hand", 8)
    post.alert(scope="before")  # told of at once, and not again
    assert post.send() == 1
    for scope in ("stands", "ended", "twice"):
        post.alert(scope=scope)
    post.alert("warning", scope="by hand")
    with post.house.container.transaction() as session:
        alerts.clear(session, "seal_broken", scope="ended", now=now, reason="mended")
    assert post.send() == 0
    with post.house.container.transaction() as session:
        handling.end_silence(session, by_hand.id, now=post.house.container.now(), by=by)
    assert post.send() == 1
    assert "notice" in post.box.letters[-1]["Subject"]
    assert "by hand" in text_of(post.box.letters[-1])
    post.late.append(timedelta(hours=1, minutes=1))
    assert post.send() >= 1
    [told] = [
        letter for letter in post.box.letters if "critical" in letter["Subject"] and "silence" in letter["Subject"]
    ]
    assert "stands. It broke." in text_of(told)
    assert "ended" not in text_of(told)
    assert "twice" not in text_of(told)
    post.late.append(timedelta(hours=2))
    assert post.send() >= 1
    assert "twice" in text_of(post.box.letters[-1])
    assert post.send() == 0


def test_without_a_mail_server_nothing_waits_to_be_written_about(post: Post) -> None:
    """The log's reader goes on, or nothing that follows would ever be put away, and old alerts be told of as new."""
    post.confirm()
    with_server = post.house.container
    post.alert()
    horizon.reached(with_server.engine)
    without = replace(with_server, settings=replace(with_server.settings, smtp_host=None))
    assert tasks.send.run.__wrapped__(without, Actor("test")) == 0
    with with_server.reading() as session:
        newest = session.scalars(select(OpsAlert.xid).order_by(OpsAlert.xid.desc()).limit(1)).one()
        assert session.get_one(Consumer, "mail").xid == newest
    assert post.send() == 0


def test_a_sender_that_dies_after_sending_sends_the_letter_again_and_loses_none(post: Post) -> None:
    post.confirm()
    post.alert()
    horizon.reached(post.house.container.engine)
    tasks.write(post.house.container)
    before = len(post.box.letters)
    assert die_at(post.house.container, "write letters", "mail.sent") == -signal.SIGKILL
    assert len(post.box.letters) == before + 1
    assert post.send() == 0, "it is leased to the dead one"
    post.late.append(timedelta(minutes=8))
    assert post.send() == 1
    first, second = post.box.letters[-2:]
    assert first["Message-ID"] == second["Message-ID"]
