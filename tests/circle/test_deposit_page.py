"""The page of deposits where an asset moves on several networks: one address on each, and a warning beside it."""

import html
import re

from auth import sessions
from tests.circle.house import ASSET, House


def test_a_depositor_chooses_the_network_and_has_one_address_on_each(house: House) -> None:
    user_id = house.user()
    with house.container.transaction() as session:
        house.client.set_cookie("session", sessions.begin(session, user_id, now=house.container.now()).token)
    accept = {"Accept": "text/html"}

    def shown(path: str) -> str:
        return html.unescape(house.client.get(path, headers=accept).text)

    first = shown(f"/deposit?asset={ASSET}")
    assert all(name in first for name in ("Ethereum", "Polygon", "Solana"))
    assert "on this network yet" in first
    found = re.search(r'name="csrf_token" value="([^"]+)"', first)
    assert found is not None
    form = {"csrf_token": found[1], "asset": ASSET, "network": "SOL"}
    made = house.client.post("/deposit", data=form, headers=accept)
    assert made.status_code == 303
    solana = shown(str(made.location))
    assert "to this address on Solana" in solana
    assert "Solana, and no other" in solana
    assert "SOL:" not in solana
    assert "Get a new address" not in solana
    assert f'href="/deposit?asset={ASSET}&network=SOL" aria-current="true"' in solana
    assert house.client.post("/deposit", data=form, headers=accept).location == made.location
    ethereum = shown(f"/deposit?asset={ASSET}&network=ETH")
    assert "on this network yet" in ethereum
    refused = house.client.post("/deposit", data={**form, "network": "DOGE"}, headers=accept)
    assert "is not one of the networks" in html.unescape(refused.text)
