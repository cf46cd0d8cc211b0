"""Log lines carry the ids of what they belong to, and never a secret."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from tests.plain_log import log_plainly, logging_as_served
from wiring.logging import configure_logging, mask_credentials
from wiring.secret import Secret
from wiring.settings import Settings, read_settings


@pytest.fixture
def log_settings(tmp_path: Path) -> Iterator[Settings]:
    settings = read_settings({"STRONGROOM_VAR_DIR": str(tmp_path), "STRONGROOM_LOG_FORMAT": "json"})
    with logging_as_served(settings):
        yield settings


def test_a_line_carries_the_request_and_correlation_ids(
    log_settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(log_settings)
    structlog.contextvars.bind_contextvars(request_id="r-1", correlation_id="c-1")
    structlog.get_logger("ours").info("deposit_seen", amount="0.5")
    logging.getLogger("a.library").warning("slow answer")
    ours, theirs = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert ours["event"] == "deposit_seen"
    assert ours["timestamp"].endswith("Z")
    for line in (ours, theirs):
        assert (line["request_id"], line["correlation_id"]) == ("r-1", "c-1")


@pytest.mark.parametrize("form", ["json", "pretty"])
def test_secrets_are_masked_wherever_they_stand(
    log_settings: Settings, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    configure_logging(replace(log_settings, log_format=form))
    log = structlog.get_logger("ours")
    log.warning(
        "connecting to redis://:hunter2@cache/0",
        url="postgresql://app:hunter2@db/x",
        password="hunter2",
        headers={"Authorization": "Bearer hunter2", "X-Fine": "seen"},
        held=Secret("hunter2"),
        several=[Secret("hunter2"), "http://u:hunter2@node"],
        odd=ValueError("could not reach http://u:hunter2@node"),
    )
    log.error("failed", exc_info=ValueError("could not reach http://u:hunter2@node"))
    shown = capsys.readouterr().out
    assert "hunter2" not in shown
    assert "seen" in shown
    assert "could not reach" in shown


def test_only_the_password_of_an_address_is_masked() -> None:
    assert mask_credentials("see postgresql://app:p%40ss@db:5432/x?a=b") == "see postgresql://app:***@db:5432/x?a=b"
    assert mask_credentials("time 12:30, mail a@b.example, http://host:80/x") == (
        "time 12:30, mail a@b.example, http://host:80/x"
    )


def test_lines_below_the_level_are_left_out(log_settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(log_settings)
    structlog.get_logger("ours").debug("detail")
    logging.getLogger("kombu").info("chatter")
    assert capsys.readouterr().out == ""


def test_a_module_that_logged_as_served_can_be_listened_to_by_the_next_test(log_settings: Settings) -> None:
    log = structlog.get_logger("a.module")
    log.warning("heard_by_the_installation")
    log_plainly()
    with capture_logs() as lines:
        log.warning("heard_by_a_test")
    assert [line["event"] for line in lines] == ["heard_by_a_test"]
