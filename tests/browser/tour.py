"""The pictures of the documents, taken of a real installation: `python -m tests.browser.tour [folder]`.

A stack of its own tells the demo's stories; then money is left on its way, a withdrawal waits for an approval, a buffer
is too low and a node is stopped, so that an operator sees a night with something to do.
"""

import io
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser

from auth import roles, users
from cli.claim_story import ClaimStory
from cli.coin_story import CoinStory
from cli.demo import only_system
from cli.person import Person as Program
from cli.progress import say, until, wait_for
from cli.stack import Stack
from cli.token_story import TokenStory
from domain.actor import Actor
from domain.networks import NETWORKS
from domain.prices import PriceRule
from services import buffer_marks, outbox, prices
from tests.browser.chromium import Window, running
from tests.browser.person import Person
from wiring.container import Container, build_container
from wiring.embedded.anvil import AnvilServer
from wiring.embedded.node import MINER, NodeServer
from wiring.embedded.redis import free_port
from wiring.settings import read_settings

FOLDER = Path("docs/images")
WIDTH = 1000
COLOURS = 96
BYTES_MAX = 150_000
COIN = 100_000_000
BY = Actor("tour")
PAIR = "tUSD/USD"
PAYMENT_EVERY_S = 4.0
PAYMENTS_MAX = 50


class Tour:
    """An installation with somebody's money in it, two windows on it, and the pictures taken through them."""

    def __init__(self, stack: Stack, container: Container, browser: Browser, folder: Path, keys: Path) -> None:
        assert stack.node is not None
        assert stack.anvil is not None
        self.node: NodeServer = stack.node
        self.anvil: AnvilServer = stack.anvil
        self._url = stack.settings.public_url
        self._container = container
        self._folder = folder
        self._address = ""
        self._asset = NETWORKS[self.node.chain].asset_id
        self._owner, self._operator = _person(keys / "owner"), _person(keys / "operator")
        self._ours = Window(browser, self._url, viewport={"width": WIDTH, "height": 540})
        self._board = Window(browser, self._url, viewport={"width": WIDTH, "height": 700})

    def take(self) -> None:
        """Every picture, in the order in which things happen."""
        self._sign_in()
        self._owner_is_paid()
        self._picture(self._ours, "home", "/", height=470)
        self._leave_work()
        self._picture(self._board, "approvals", "/operator", height=1160)
        self._picture(self._board, "buffers", "/operator/buffers", height=900)
        self._picture(self._board, "flow", f"/flows/{self._paid_out()}", height=1000)
        self._break_something()
        until(self._is_compared)
        self._picture(self._board, "alerts", "/operator/alerts", height=840)
        self._picture(self._board, "overwatch", "/operator/overwatch", height=1640)
        for window in (self._ours, self._board):
            assert window.said == [], window.said
            window.close()

    def _sign_in(self) -> None:
        with self._container.transaction() as session:
            now = self._container.now()
            known = users.of_subject(session, self._operator.public_key, now=now)
            for role in ("approver", "admin"):
                roles.grant(session, known.user_id, role, by=BY.name, now=now)
        self._owner.sign_in(self._ours.page, "/deposit")
        self._operator.sign_in(self._board.page, "/operator")

    def _owner_is_paid(self) -> None:
        """Once so that it is hers, and once so that it is on its way."""
        page = self._ours.page
        page.get_by_role("button", name="Get an address").click()
        self._address = page.locator(".address code").inner_text()
        self.node.pay(self._address, "1.5")
        until(lambda: self._mine_until(lambda: self._reads("/", "Credited")))
        self.node.pay(self._address, "0.75")
        until(lambda: self._reads("/", "Seen on the network"))

    def _leave_work(self) -> None:
        """Two withdrawals that wait for an approval, and too little in the hot wallet."""
        with closing(Program(self._url)) as dora:
            dora.sign_in()
            address = str(dora.post("/api/v1/deposit-addresses", {"asset": self._asset})["address"])
            self.node.pay(address, "40")
            until(lambda: self._mine_until(lambda: _has(dora, "40.00000000")))
            for amount in ("15", "11.2"):
                body = {"asset": self._asset, "amount": amount, "destination": self._elsewhere()}
                dora.post("/api/v1/withdrawals", body, idempotency_key=os.urandom(8).hex())
        with self._container.transaction() as session:
            now = self._container.now()
            buffer_marks.put(
                session, self._asset, low_minor=60 * COIN, high_minor=90 * COIN, discrepancy_minor=0,
                mismatches_min=3, now=now, by=BY,
            )  # fmt: skip
            for task in ("buffers.compare", "flows.measure"):
                outbox.promise(session, task, now=now)
        until(lambda: self._alerts("buffer_low"))

    def _break_something(self) -> None:
        """A price that nobody says any more, and a node that is not there."""
        with self._container.transaction() as session:
            now = self._container.now()
            prices.set_rule(session, PAIR, PriceRule(timedelta(seconds=3), 1, 500), now=now, by=BY)
            prices.add_source(session, PAIR, "peg", interval_s=3600, fixed=Decimal(1), now=now, by=BY)
        self.anvil.stop()
        # A node is called stale after a minute; the other chain goes on meanwhile.
        for _ in range(PAYMENTS_MAX):
            self.node.pay(self._address, "0.35")
            self.node.mine()
            if wait_for(self._is_told, patience_s=PAYMENT_EVERY_S):
                return
        raise AssertionError("nothing was raised")

    def _is_told(self) -> bool:
        return self._alerts("chain_source_stale") and self._alerts("reference_price_stale")

    def _is_compared(self) -> bool:
        """Whether the wallet was compared with the books since the last block."""
        with self._container.transaction() as session:
            asked_at = self._container.now()
            outbox.promise(session, "buffers.compare", now=asked_at)
        return bool(wait_for(lambda: self._agrees_since(asked_at), patience_s=5.0))

    def _agrees_since(self, moment: datetime) -> bool:
        return any(
            item["asset"] == self._asset and item["verdict"] == "ok" and datetime.fromisoformat(item["at"]) >= moment
            for item in self._answer("/api/v1/buffers")["items"]
        )

    def _paid_out(self) -> str:
        """The short id of a withdrawal that came to its end."""
        self._board.page.goto("/operator/audit")
        items = self._answer("/api/v1/flows?everyone=true&kind=withdrawal&state=completed&limit=50")["items"]
        return str(next(item["short_id"] for item in items if item["asset"] == self._asset))

    def _alerts(self, code: str) -> bool:
        return any(item["alert_code"] == code for item in self._answer("/api/v1/alerts")["items"])

    def _answer(self, path: str) -> dict[str, Any]:
        """What the API answers to the operator's browser."""
        return dict(self._board.page.request.get(path).json())

    def _reads(self, path: str, words: str) -> bool:
        self._ours.page.goto(path)
        return words in self._ours.page.locator("main").inner_text()

    def _mine_until(self, happened: Callable[[], Any]) -> Any:
        self.node.mine()
        return wait_for(happened, patience_s=1.0)

    def _elsewhere(self) -> str:
        return str(self.node.call("getnewaddress", wallet=MINER))

    def _picture(self, window: Window, name: str, path: str, *, height: int) -> None:
        """What a page shows, from its top down to so many pixels, in few colours."""
        window.page.set_viewport_size({"width": WIDTH, "height": height})
        window.page.goto(path)
        window.page.wait_for_load_state("networkidle")
        whole = Image.open(io.BytesIO(window.page.screenshot())).convert("RGB")
        target = self._folder / f"{name}.png"
        whole.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
        size = target.stat().st_size
        assert size < BYTES_MAX, f"{target} has {size} bytes"
        say(f"{target}: {size // 1000} kB")


def main() -> None:
    """Tell the stories, then take the pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as exits:
        home = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="tour-")))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("STRONGROOM_")}
        ports = {f"STRONGROOM_{name}_PORT": str(free_port()) for name in ("WEB", "REALTIME", "FLOWER")}
        own = {"STRONGROOM_VAR_DIR": str(home / "var"), "STRONGROOM_WEBHOOK_PRIVATE": "yes", **ports}
        stack = exits.enter_context(Stack(read_settings({**kept, **own}), write=only_system))
        stack.wait_until_healthy()
        container = build_container(stack.settings)
        exits.callback(container.engine.dispose)
        assert stack.node is not None
        assert stack.anvil is not None
        with closing(CoinStory(stack, stack.node, container)) as coin:
            coin.tell()
        with closing(TokenStory(stack, stack.anvil, container)) as token:
            token.tell()
        with closing(ClaimStory(stack, stack.anvil, container)) as claims:
            claims.tell()
        browser = exits.enter_context(running())
        Tour(stack, container, browser, folder, home).take()


def _person(directory: Path) -> Person:
    directory.mkdir()
    return Person(directory)


def _has(person: Program, amount: str) -> bool:
    return any(item["available"] == amount for item in person.get("/api/v1/balances")["items"])


if __name__ == "__main__":
    main()
