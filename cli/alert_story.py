"""The demo's last story: a fault raises an alert, its repair clears it, and operators are notified of both."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import Any, Final

from auth import roles
from cli.live import Live
from cli.person import Person
from cli.price_server import PriceServer
from cli.progress import say, step, until, wait_for
from cli.stack import Stack
from cli.token_story import SYMBOL
from domain.actor import Actor
from domain.prices import PriceRule
from services import outbox, prices
from wiring.container import Container

PAIR: Final = f"{SYMBOL}/USD"
SOURCE: Final = "demo"
ALERT: Final = "reference_price_stale"
SCOPE: Final = f"price:{PAIR}"
RULE: Final = PriceRule(timedelta(seconds=3), sources_min=1, outlier_bps=500)
LOOK_EVERY_S: Final = 1.0
BY: Final = Actor("cli demo")


class AlertStory:
    """One operator, and a price server for a test dollar."""

    def __init__(self, stack: Stack, container: Container) -> None:
        self._url = stack.settings.public_url
        self._sockets = stack.settings.socket_origin
        self._container = container
        self._source = PriceServer(stack.settings.var_dir / "price-server")
        self._exit = ExitStack()
        self._exit.callback(container.engine.dispose)
        self._operator = self._exit.enter_context(closing(Person(self._url)))

    def tell(self) -> None:
        """Play it, with a line for each step. Raises ServerFailed at the first step that fails."""
        with step("an operator's page listens; a separate server provides the price of a test dollar") as note:
            live = self._watch()
            note(f"{until(lambda: self._asked(self._price))} USD")
        with step("that server is killed: its last price becomes stale, and an alert is raised") as note:
            self._source.kill()
            alert = until(lambda: self._asked(self._alert))
            note(f"{alert['severity']} {ALERT}: {alert['reason']}")
        live.tell("alert", f"{ALERT}:{SCOPE}", to="raised")
        with step("it is started again: the alert clears by itself") as note:
            self._source.start()
            until(lambda: self._asked(lambda: self._alert() is None))
            note(f"{self._price()} USD")
        live.tell("alert", f"{ALERT}:{SCOPE}", to="cleared")
        say(f"where alerts are: {self._url}/operator/alerts")

    def close(self) -> None:
        """Stop the server, and leave no pair without a source."""
        self._exit.close()

    def _watch(self) -> Live:
        self._operator.sign_in()
        with self._container.transaction() as session:
            now = self._container.now()
            roles.grant(session, self._operator.user_id, "viewer", by=BY.name, now=now)
        live = self._exit.enter_context(closing(Live(self._sockets, self._operator.token)))
        self._exit.enter_context(closing(self._source))
        self._source.start()
        with self._container.transaction() as session:
            now = self._container.now()
            prices.set_rule(session, PAIR, RULE, now=now, by=BY)
            prices.add_source(
                session, PAIR, SOURCE, interval_s=1, url=self._source.url, price_path="price", now=now, by=BY
            )
        self._exit.callback(self._put_back)
        return live

    def _put_back(self) -> None:
        """Unfollow the test dollar's price."""
        with self._container.transaction() as session:
            prices.unfollow(session, PAIR, now=self._container.now(), by=BY)

    def _asked(self, happened: Callable[[], Any]) -> Any:
        """Fetch prices now, rather than in the next round, and wait for the outcome."""
        with self._container.transaction() as session:
            outbox.promise(session, "prices.collect", now=self._container.now())
        return wait_for(happened, patience_s=LOOK_EVERY_S)

    def _price(self) -> str | None:
        """The pair's present price, as operators see it."""
        items = self._operator.get("/api/v1/prices")["items"]
        return next((item["price"] for item in items if item["pair"] == PAIR), None)

    def _alert(self) -> dict[str, Any] | None:
        """The alert, if it is raised."""
        items = self._operator.get("/api/v1/alerts")["items"]
        return next((item for item in items if (item["alert_code"], item["service_scope"]) == (ALERT, SCOPE)), None)
