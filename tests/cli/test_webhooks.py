"""An operator can see what is told to others, and have it sent again."""

import os
from datetime import timedelta

import pytest
from click.testing import CliRunner

from cli.webhooks import webhooks
from services import webhooks_out
from tasks.webhooks import write
from tests.services import logged
from tests.webhooks.conftest import BY, HOUSE, Post
from wiring.container import Container
from wiring.environ import to_environ


def test_an_endpoint_is_listed_followed_and_sent_to_again(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("STRONGROOM_")]:
        monkeypatch.delenv(name)
    for name, value in to_environ(container.settings).items():
        monkeypatch.setenv(name, value)
    logged.add_asset(container)
    write(container)
    post = Post(container, couriers=None)  # type: ignore[arg-type]  # nothing is sent
    endpoint_id, _ = post.endpoint("https://shop.example/hooks")
    post.happens()

    def said(*words: str) -> str:
        answer = CliRunner().invoke(webhooks, [*words])
        assert answer.exit_code == 0, answer.output
        return answer.output

    assert "house  told  https://shop.example/hooks  *" in said("list")
    assert "withdrawal.requested  waiting" in said("log", str(endpoint_id))
    said("disable", str(endpoint_id))
    assert "disabled (owner)" in said("list")
    said("enable", str(endpoint_id))
    since = (container.now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
    assert said("redeliver", str(endpoint_id), "--since", since) == "1 sent again\n"
    with container.transaction() as session:
        webhooks_out.remove(session, HOUSE, endpoint_id, now=container.now(), by=BY)
    assert CliRunner().invoke(webhooks, ["log", str(endpoint_id)]).exit_code == 1
