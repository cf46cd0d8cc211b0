"""The dead man's switch: a watcher outside hears of each round, and what it answers changes nothing here."""

from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError

from domain.alert_rule import ROUND
from tasks.alerts import evaluate
from tests.alerts.looking import later
from tests.webhooks.receiver import receiving
from wiring.container import Container
from wiring.database import make_engine
from wiring.secret import Secret


def watched(container: Container, url: str, *, private: bool = True) -> Container:
    return replace(
        container,
        settings=replace(container.settings, alert_heartbeat_url=Secret(f"{url}/ping/1"), webhook_private=private),
    )


def a_round(container: Container) -> None:
    evaluate.run.__wrapped__(container, None)


def test_the_watcher_hears_of_each_round_that_was_made(container: Container) -> None:
    with receiving() as watcher:
        a_round(watched(container, watcher.url))
        # No rule is due again: nobody looked, so there is nothing to tell.
        a_round(watched(container, watcher.url))
        a_round(later(watched(container, watcher.url), ROUND))
    assert [(call.path, call.body) for call in watcher.calls] == [("/hooks/ping/1", b"")] * 2


def test_a_watcher_that_fails_or_may_not_be_called_fails_no_round(
    container: Container, capsys: pytest.CaptureFixture[str]
) -> None:
    with receiving() as watcher:
        watcher.answer(500)
        a_round(watched(container, watcher.url))
        a_round(later(watched(container, watcher.url, private=False), ROUND))
    a_round(later(watched(container, watcher.url), 2 * ROUND))
    assert len(watcher.calls) == 1
    told = capsys.readouterr().out
    assert told.count("alert_heartbeat_not_taken") == 3
    assert "address_refused" in told
    assert "/ping/1" not in told


def test_the_watcher_hears_nothing_of_a_round_that_could_not_be_made(container: Container) -> None:
    nowhere = Secret("postgresql://nobody@127.0.0.1:1/nothing")
    engine = make_engine(nowhere, pool_size=1, statement_timeout_s=1, lock_timeout_s=1)
    with receiving() as watcher, pytest.raises(OperationalError):
        a_round(replace(watched(container, watcher.url), engine=engine))
    assert watcher.calls == []
