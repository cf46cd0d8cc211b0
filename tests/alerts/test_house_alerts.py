"""What goes wrong around the money: each cause raises its alert, and its end clears it."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from coincurve import PrivateKey
from sqlalchemy import select

from adapters import host
from domain.alert_rules import NODATA_AFTER, RULES
from domain.host_facts import HostFacts
from domain.queues import QUEUES
from models.log_line import KeptLogLine
from services.alerts import handling
from tasks import deposits as deposit_tasks
from tasks.app import TaskFailed
from tasks.upkeep import heartbeat
from tests.alerts.https import secure_door
from tests.alerts.looking import WELL, later, look
from tests.api.house import House
from tests.databases import Database
from tests.oauth.app import register
from tests.plain_log import logging_as_served
from tests.rail import BY
from tests.waiting import eventually
from wiring.container import Container
from wiring.embedded.redis import RedisServer
from wiring.log_keeper import keep_lines

AN_HOUR = timedelta(hours=1)
A_WHILE = timedelta(minutes=20)


def this_host(container: Container, redis_url: str | None = None) -> HostFacts:
    """What the real adapter finds, under a name of the test's choosing."""
    directory = container.settings.var_dir.absolute().parent
    found = host.look(directory=directory, redis_url=redis_url, public_url="", with_certificate=False)
    return replace(found, host="here")


@pytest.mark.parametrize(
    ("code", "scope", "never", "always"),
    [
        pytest.param("disk_low", "disk:here", 0, 101, marks=pytest.mark.causes("disk_low")),
        pytest.param("memory_high", "memory:here", 101, 0, marks=pytest.mark.causes("memory_high")),
    ],
)
def test_a_host_that_runs_out_is_told_of_until_it_has_enough(
    container: Container, code: str, scope: str, never: int, always: int
) -> None:
    """No test may fill a disk: the limit moves to what this host really has, and away again."""
    rule = RULES[code]
    assert look(container, code, this_host(container), rule=replace(rule, threshold=never)) == set()
    short = later(container, AN_HOUR)
    assert look(short, code, this_host(container), rule=replace(rule, threshold=always)) == {scope}
    after = later(container, 2 * AN_HOUR)
    assert look(after, code, this_host(container), rule=replace(rule, threshold=never)) == set()


@pytest.mark.parametrize(
    ("code", "enough", "bad"),
    [
        ("disk_low", {"disk_free_percent": 10.0}, {"disk_free_percent": 9.9}),
        ("memory_high", {"memory_used_percent": 90.0}, {"memory_used_percent": 90.1}),
    ],
)
def test_the_limits_of_a_host_are_those_that_the_rules_name(
    container: Container, code: str, enough: dict[str, Any], bad: dict[str, Any]
) -> None:
    assert look(container, code, replace(WELL, **enough)) == set()
    assert len(look(later(container, AN_HOUR), code, replace(WELL, **bad))) == 1


def test_one_host_does_not_speak_for_another_and_one_that_is_gone_is_settled(container: Container) -> None:
    low = replace(WELL, disk_free_percent=5)
    assert look(container, "disk_low", low) == {"disk:here"}
    there = replace(low, host="there")
    assert look(later(container, AN_HOUR), "disk_low", there) == {"disk:here", "disk:there"}
    well = later(container, 2 * AN_HOUR)
    assert look(well, "disk_low", replace(WELL, host="there")) == {"disk:here"}
    with well.transaction() as session:
        handling.settle(session, "disk_low", "disk:here", note="it was taken down", now=well.now(), by=BY)
    assert look(later(container, 3 * AN_HOUR), "disk_low", replace(WELL, host="there")) == set()
    assert look(later(container, 4 * AN_HOUR), "disk_low", low) == {"disk:here"}  # it is back, and no better


@pytest.mark.causes("dependency_down")
def test_a_redis_that_stopped_is_told_of_until_it_answers(container: Container, own_redis: RedisServer) -> None:
    code, url = "dependency_down", own_redis.url
    assert look(container, code, this_host(container, url)) == set()
    own_redis.stop()
    assert look(later(container, AN_HOUR), code, this_host(container, url)) == {"redis:here"}
    own_redis.start()
    assert look(later(container, 2 * AN_HOUR), code, this_host(container, own_redis.url)) == set()


@pytest.mark.causes("dependency_down")
def test_a_queue_that_nothing_comes_out_of_is_told_of_until_something_does(container: Container) -> None:
    def beats(parts: Container, queues: Iterable[str]) -> None:
        for queue in queues:
            heartbeat.run.__wrapped__(later(parts, NODATA_AFTER), BY, queue)

    beats(container, [*QUEUES, "of another version"])
    assert look(container, "dependency_down") == set()
    after = later(container, timedelta(minutes=5))
    beats(after, set(QUEUES) - {"money"})
    assert look(after, "dependency_down") == {"queue:money"}
    again = later(after, timedelta(minutes=5))
    beats(again, QUEUES)
    assert look(again, "dependency_down") == set()


@pytest.mark.causes("dependency_down")
def test_a_queue_that_no_worker_was_ever_told_of_is_told_of_until_one_is(container: Container) -> None:
    """A new version has one queue more, and a host's list of workers is that of the old one."""
    assert look(container, "dependency_down") == set(), "nothing has run yet"
    for queue in set(QUEUES) - {"scan"}:
        heartbeat.run.__wrapped__(later(container, NODATA_AFTER), BY, queue)
    assert look(container, "dependency_down") == {"queue:scan"}
    heartbeat.run.__wrapped__(later(container, NODATA_AFTER), BY, "scan")
    assert look(container, "dependency_down") == set()


@pytest.mark.causes("certificate_expiring")
def test_a_certificate_that_ends_soon_is_told_of_until_it_is_renewed(
    container: Container, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, now = "certificate_expiring", container.now()

    def seen() -> HostFacts:
        found = host.look(directory=tmp_path, redis_url=None, public_url=door.url, with_certificate=True)
        return replace(found, host="here")

    with secure_door(tmp_path) as door:
        monkeypatch.setenv("SSL_CERT_FILE", str(door.trusted))
        door.show(until=now + timedelta(days=13))
        assert look(container, code, seen()) == {"certificate:here"}
        door.show(until=now + timedelta(days=90))
        assert look(later(container, AN_HOUR), code, seen()) == set()
        door.trusted.write_text("")  # one that nobody vouches for is none
        assert look(later(container, 2 * AN_HOUR), code, seen()) == {"nodata:certificate:here"}


@pytest.mark.causes("login_failures")
def test_many_failed_sign_ins_are_told_of_until_they_are_few(container: Container) -> None:
    visitor = House(container).visitor()
    stranger = PrivateKey()
    subject = stranger.public_key.format().hex()
    challenge = visitor.post("/api/auth/challenge", json={"subject": subject}).get_json()
    wrong = stranger.sign(b"something else").hex()
    body = {"challenge_id": challenge["challenge_id"], "subject": subject, "signature": wrong}
    for _ in range(RULES["login_failures"].threshold):
        assert visitor.post("/verify_signature", json=body).status_code == 401
    assert look(container, "login_failures") == set()
    visitor.post("/verify_signature", json=body)
    assert look(later(container, NODATA_AFTER), "login_failures") == {"logins:all"}
    assert look(later(container, A_WHILE), "login_failures") == set()


@pytest.mark.causes("deposit_processing_failure")
def test_failures_to_process_deposits_are_told_of_until_they_are_few(
    container: Container, own_database: Database, raw: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database refuses, for somebody renamed a table; the tasks say so in their log, which is kept."""
    monkeypatch.setattr("tasks.app.container", lambda: container)
    with (
        raw(own_database.owner_url) as connection,
        connection.cursor() as cursor,
        logging_as_served(container.settings),
    ):
        keep_lines(container.transaction, container.now)
        cursor.execute("ALTER TABLE chain_cursors RENAME TO gone")
        connection.commit()
        for _ in range(RULES["deposit_processing_failure"].threshold + 1):
            with pytest.raises(TaskFailed, match="ProgrammingError"):
                deposit_tasks.credit.run()
        cursor.execute("ALTER TABLE gone RENAME TO chain_cursors")
        connection.commit()
        eventually(lambda: failures_kept(container) > RULES["deposit_processing_failure"].threshold, what="the log")
    assert look(container, "deposit_processing_failure") == {"deposits:all"}
    assert look(later(container, A_WHILE), "deposit_processing_failure") == set()


@pytest.mark.causes("token_issuance_unusual")
def test_a_burst_of_tokens_is_told_of_until_it_is_over(container: Container) -> None:
    """An app that asks for a token at every call; the limit moves, so that it need not ask a hundred times."""
    few = replace(RULES["token_issuance_unusual"], threshold=3)
    house = House(container)
    app = register(house)
    tokens = app.tokens(house.person())
    assert look(container, few.code, rule=few) == set()
    for _ in range(few.threshold):
        answer = app.refresh(tokens["refresh_token"])
        assert answer.status_code == 200, answer.text
        tokens = answer.get_json()
    assert look(later(container, NODATA_AFTER), few.code, rule=few) == {"tokens:all"}
    assert look(later(container, A_WHILE), few.code, rule=few) == set()


def failures_kept(container: Container) -> int:
    with container.reading() as session:
        return len(session.scalars(select(KeptLogLine.id).where(KeptLogLine.line == "task_failed")).all())
