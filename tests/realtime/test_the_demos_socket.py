"""The socket with which the demo shows that people are told: it keeps every step, and says so when it is not let in."""

from contextlib import closing

import pytest

from cli.live import Live
from tasks import feed
from tests import horizon
from tests.api.house import COIN, House
from wiring.embedded.process import ServerFailed


def push(house: House) -> None:
    horizon.reached(house.container.engine)
    feed.push_events(house.container)


def test_every_step_of_a_flow_is_recorded_and_delivered_once(
    house: House, processes: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    # Other tests of this house have everybody wait for an operator.
    house.policy(auto_limit_minor=2 * COIN)
    owner, other = house.person(funds_minor=10 * COIN), house.person(funds_minor=COIN)
    push(house)
    with closing(Live(processes[0], owner.token)) as live:
        asked = owner.withdraw("1.5").get_json()
        other.withdraw("0.5")
        push(house)
        flow = owner.get(f"/flows/{asked['flow']}").get_json()
        live.tell("withdrawal", flow["id"], to="approved")
        assert owner.post(f"/withdrawals/{asked['id']}/cancel").status_code == 200
        missing = owner.get(f"/flows/{asked['flow']}").get_json()["timeline"]
        assert not live.has_all("withdrawal", flow["id"], missing)
        push(house)
        live.tell("withdrawal", flow["id"], to="cancelled")
        assert live.has_all("withdrawal", flow["id"], missing)
    told = [line.split() for line in capsys.readouterr().out.splitlines() if line.lstrip().startswith("live")]
    assert [line[:-3] for line in told] == [
        ["live", "withdrawal", "requested", "→", "approved"],
        ["live", "withdrawal", "cancelled"],
    ]


def test_a_stranger_gets_the_reason_why_there_is_no_socket(processes: tuple[str, str]) -> None:
    with pytest.raises(ServerFailed, match="no socket for us"):
        Live(processes[0], "nobody's token")
