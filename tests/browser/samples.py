"""Example pages, made by hand, for every state that is hard to reach on a running house."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from api.pages.shapes import (
    Activity,
    AddressCard,
    BalanceBlock,
    Coming,
    FormField,
    Home,
    Money,
    Rules,
    StatementLine,
    Worth,
)
from api.pages.watched import Watched
from tests.browser.facts import ADDRESS, BTC, COIN, KEY, NOW, ONE, SHORT, ago
from tests.browser.samples_apps import APP_SAMPLES
from tests.browser.samples_chat import CHAT
from tests.browser.samples_claims import CLAIMS
from tests.browser.samples_controls import CONTROLS
from tests.browser.samples_convert import CONVERSIONS
from tests.browser.samples_dashboard import DASHBOARDS
from tests.browser.samples_flows import FLOWS
from tests.browser.samples_losses import LOSSES
from tests.browser.samples_operator import flow, operator, operator_quiet
from tests.browser.samples_sweeps import SWEEPS
from tests.browser.samples_treasury import TREASURY
from tests.browser.samples_webhooks import WEBHOOK_SAMPLES


def activity(index: int = 0) -> tuple[Activity, ...]:
    lines = (
        Activity(
            SHORT,
            "deposit",
            "seen",
            Money(5_000_000, BTC, "+"),
            "from the network",
            "Seen on the network. 0 of 1 confirmations. It waits for the next block: yours in about 10 minutes.",
            ago(seconds=2),
            moving=True,
        ),
        Activity(
            "m2n9qdk7f3",
            "withdrawal",
            "waiting",
            Money(1_000_000, BTC, "-"),
            "to bc1p5cyx…qkedrcr",
            "Waiting for an operator to approve it. The funds are held.",
            ago(minutes=4),
            moving=True,
        ),
        Activity(
            "0a1b2c3d4e",
            "deposit",
            "yours",
            Money(10_000_000, BTC, "+"),
            "from the network",
            "Credited. It is part of your available balance.",
            ago(days=1),
        ),
        Activity(
            "5f6g7h8j9k",
            "deposit",
            "wrong",
            Money(123_456_789_012_345_678_901_234, COIN, "+"),
            "from the network",
            "It left the network without entering a block: as a rule, its sender replaced it.",
            ago(days=3),
        ),
        Activity(
            "9kapq3rstv",
            "withdrawal",
            "sent",
            Money(2_100_000_000_000_000, BTC, "-"),
            "to bc1p5cyx…qkedrcr",
            "Sent and final.",
            ago(days=300),
            word="sent",
        ),
        Activity(
            "c1a1m2c3d4",
            "verification",
            "waiting",
            None,
            "claim of 0xab12…90cdef",
            "The transaction has not been found on the chain yet.",
            ago(days=301),
            moving=True,
        ),
    )
    return lines[index:]


def home() -> dict[str, Any]:
    return {
        "page": Home(
            balances=(
                BalanceBlock(
                    Money(18_422_000, BTC),
                    (Coming(Money(5_000_000, BTC), "seen", "seen · 0 of 1 confirmations", f"/flows/{SHORT}"),),
                    (Coming(Money(1_000_000, BTC), "waiting", "withdrawal waiting for approval", f"/flows/{SHORT}"),),
                    Worth("17\u2009402.15 USD", ago(seconds=40)),
                ),
                BalanceBlock(Money(1_234_567_890_123_456_789_012_345, COIN)),
            ),
            activity=activity(),
            rails=True,
            older="/?before=x",
        )
    }


def home_many() -> dict[str, Any]:
    lines = activity() * 40
    return {"page": Home((BalanceBlock(Money(0, BTC)),), lines, rails=True)}


def home_empty() -> dict[str, Any]:
    return {"page": Home((BalanceBlock(Money(0, BTC)),), (), rails=True)}


def home_no_rail() -> dict[str, Any]:
    return {"page": Home((), (), rails=False)}


def home_not_ready() -> dict[str, Any]:
    return home_no_rail() | {"configured_rails": ["Bitcoin", "Litecoin"]}


def login() -> dict[str, Any]:
    return {
        "subject": FormField(),
        "problem": "",
        "onward": "",
        "configured_rails": ["Bitcoin"],
        "key_new_command": "python -m cli key new",
    }


def login_error() -> dict[str, Any]:
    wrong = "has 65 characters; a compressed public key has 66. Copy it again, whole."
    return login() | {"subject": FormField(KEY[:-1], (wrong,))}


def login_sign() -> dict[str, Any]:
    message = (
        f"Sign in to Strongroom at vault.example.org\n\nKey: {KEY}\nNonce: 3f9a…\nExpires: 2025-11-21T14:35:00Z\n\n"
        "Signing this moves no money."
    )
    return {
        "challenge": {"id": ONE, "message": message, "subject": KEY, "expires_at": NOW + timedelta(minutes=5)},
        "command": f"python -m cli key sign '{message}'",
        "signature": FormField("304402", ("is not a signature of this text by this key.",)),
        "signature_length_max": 16_384,
        "onward": "",
        "problem": "",
    }


def _card() -> AddressCard:
    return AddressCard(
        ONE,
        ADDRESS,
        f"bitcoin:{ADDRESS}",
        BTC,
        Money(10_000, BTC),
        "1 confirmation below 0.001 BTC, 3 below 0.1 BTC, else 6: about an hour",
        ago(minutes=3),
    )


def deposit() -> dict[str, Any]:
    return {
        "assets": (BTC, COIN),
        "chosen": BTC,
        "chain": "Bitcoin",
        "unread_since": ago(minutes=7),
        "card": _card(),
        "networks": [],
        "network": "",
        "is_single": False,
        "arrivals": activity()[:1],
        "others": (_card(),) * 3,
        "problem": "",
    }


def deposit_network() -> dict[str, Any]:
    codes = ("ETH", "POLY", "AVAX", "BASE", "ARB", "OP", "SOL")
    names = ("Ethereum", "Polygon", "Avalanche", "Base", "Arbitrum", "Optimism", "Solana")
    card = replace(_card(), address="0x" + "ab" * 20, uri="0x" + "ab" * 20, network="Polygon")
    known = {"networks": list(zip(codes, names, strict=True)), "network": "POLY", "is_single": True}
    return deposit() | {"assets": (BTC,), "card": card, "others": (), "arrivals": (), **known}


def deposit_empty() -> dict[str, Any]:
    problem = "No address is ready: the pool is empty until the node refills it. Nothing was lost; retry soon."
    return deposit() | {"assets": (BTC,), "card": None, "others": (), "problem": problem}


def withdraw() -> dict[str, Any]:
    return {
        "assets": (BTC, COIN),
        "idempotency_key": "x",
        "destination": FormField(),
        "typed": FormField(),
        "problem": "",
        "rules": Rules(
            BTC,
            "Bitcoin",
            Money(18_422_000, BTC),
            Money(10_000, BTC),
            Money(20_000, BTC),
            Money(1_000_000, BTC),
            Money(100_000_000, BTC),
            Money(50_000_000, BTC),
            transfers_count=True,
            allowlist_only=True,
            paused=False,
            cooldown=timedelta(days=1),
            worth=Worth("17\u2009402.15 USD", ago(minutes=3)),
        ),
    }


def withdraw_errors() -> dict[str, Any]:
    return withdraw() | {
        "destination": FormField(
            "rltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kc8rmhz",
            (
                "this is an address of Litecoin (private regtest); this wallet is on Bitcoin.",
                "Ask the receiver for a Bitcoin address.",
            ),
        ),
        "typed": FormField("0.123456789", ("has 9 decimals; this asset has 8.",)),
        "problem": "Nothing was asked for yet: mend what is marked below.",
    }


def send() -> dict[str, Any]:
    return {
        "balances": (Money(18_422_000, BTC), Money(1_234_567_890_123_456_789, COIN)),
        "idempotency_key": "x",
        "to": FormField(),
        "typed": FormField(),
        "asset": FormField("BTC"),
        "problem": "",
    }


def send_errors() -> dict[str, Any]:
    short = ("is more than the 0.184 220 00 BTC that you have available.",)
    return send() | {"to": FormField("03ab", ("nobody here has this key.",)), "typed": FormField("9", short)}


def history(count: int = 12) -> dict[str, Any]:
    lines = tuple(
        StatementLine(
            ago(hours=7 * index),
            ("deposit", "withdrawal", "withdrawal fee", "transfer received")[index % 4],
            Money(10 ** (index % 15), BTC, "+--+"[index % 4]),
            Money(18_422_000 + 10 ** (index % 15), BTC),
            SHORT,
        )
        for index in range(count)
    )
    return {
        "assets": (BTC, COIN),
        "chosen": BTC,
        "lines": lines,
        "csv": "/history.csv?asset=BTC",
        "older": "/history?before=x",
        "first": "/history",
    }


def history_many() -> dict[str, Any]:
    return history(200)


def history_empty() -> dict[str, Any]:
    return history() | {"lines": (), "assets": (BTC,), "csv": None}


def refused() -> dict[str, Any]:
    return {
        "heading": "This is not yours to see",
        "description": "You are signed in, and this needs a role.",
        "way_out": "Ask an admin of this house for the role, or sign in with another key.",
        "code": "role_missing",
        "request_id": "3f9a5c0d9e",
    }


def watched() -> dict[str, Any]:
    descriptor = f"wpkh([d34db33f/84h/0h/0h]{'xpub6DJ2dNUysrn5V' * 6}/0/*)#cjjspncu"
    young = Watched(
        id=ONE,
        label="Cold store in the safe of the second floor, which has a name as long as a name may be",
        descriptor=descriptor,
        indexes=(0, 999),
        addresses=1000,
        asset=BTC,
        meaning="",
        word="",
        words="",
        progress=None,
        balance=Money(2_100_000_000_000_000, BTC),
        outputs=12,
        height=921_000,
        at=ago(minutes=3),
        may_refresh=False,
        moving=False,
    )
    refused = "The node does not accept this descriptor: Pubkey '02…' is invalid."
    return {
        "assets": (BTC, COIN),
        "wallets": [
            young,
            replace(young, label="", balance=Money(0, BTC), outputs=0, at=ago(hours=3), may_refresh=True),
            replace(
                young,
                meaning="waiting",
                word="looking",
                words="42 % of the chain's coins looked through.",
                progress=42,
                moving=True,
            ),
            replace(young, meaning="wrong", word="refused", words=refused, balance=None),
        ],
        "moving": True,
        "descriptor": FormField(descriptor, ("does not match its checksum: a character is mistyped or missing",)),
        "label": FormField("Cold store"),
        "last_index": FormField("10000", ("may hold 10000 addresses at most",)),
        "asset": FormField("BTC"),
        "problem": "",
    }


def watched_empty() -> dict[str, Any]:
    empty = {name: FormField() for name in ("descriptor", "label", "last_index", "asset")}
    return {"assets": (BTC,), "wallets": [], "moving": False, "problem": "", **empty}


def wallet_login() -> dict[str, Any]:
    challenge = SimpleNamespace(id=ONE, action=None)
    wallet = SimpleNamespace(challenge=challenge, lnurl="LNURL1" + "D" * 200, keyauth="keyauth://money.example/a")
    return login() | {"wallet": wallet, "wallet_status": "waiting", "wallet_left": timedelta(minutes=4, seconds=32)}


def wallet_expired() -> dict[str, Any]:
    return wallet_login() | {"wallet_status": "expired", "onward": ""}


def account() -> dict[str, Any]:
    keys = [
        SimpleNamespace(id=UUID(int=number), name=name, subject=KEY, added_at=ago(days=number))
        for number, name in enumerate(("first", "a key with a name as long as somebody thought was a good idea"))
    ]
    open_ones = [
        SimpleNamespace(
            id=UUID(int=number),
            address=("192.0.2.7", "2001:db8:1234:5678:9abc:def0:1234:5678")[number],
            user_agent="Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 " * 2,
            created_at=ago(hours=number + 1),
            last_seen_at=ago(minutes=3),
            expires_at=NOW + timedelta(hours=20),
        )
        for number in range(2)
    ]
    return {"keys": keys, "sessions": open_ones, "current": UUID(int=0), "public_key": KEY, "problem": ""}


def audit_log() -> dict[str, Any]:
    lines = [
        SimpleNamespace(
            id=number,
            at=ago(minutes=number),
            event="key_linked",
            success=bool(number % 2),
            actor="user:k7f3m2n9qd" if number % 2 else "visitor",
            user_id=ONE if number % 2 else None,
            address="2001:db8:1234:5678:9abc:def0:1234:5678",
            user_agent="Mozilla/5.0 (X11; Linux x86_64)",
            request_id="4b1c0f6f9f0e4f5f8f2f0a7f3c1d2e3f",
            detail={"subject": KEY, "reason": "invalid_signature"},
        )
        for number in range(4)
    ]
    asked = {"event": "key_linked"}
    return {"lines": lines, "kinds": ["key_linked", "login"], "asked": asked, "older": "?before=1", "first": None,
            "csv": "/operator/audit.csv"}  # fmt: skip


# name of the example: (template, whether somebody is signed in, its values)
SAMPLES = {
    "wallet": ("login.html", False, wallet_login),
    "wallet-expired": ("login_wallet.html", False, wallet_expired),
    "account": ("account.html", True, account),
    "audit": ("audit.html", True, audit_log),
    "watched": ("watched.html", True, watched),
    "watched-empty": ("watched.html", True, watched_empty),
    "home": ("home.html", True, home),
    "home-many": ("home.html", True, home_many),
    "home-empty": ("home.html", True, home_empty),
    "home-no-rail": ("home.html", True, home_no_rail),
    "home-not-ready": ("home.html", True, home_not_ready),
    "login": ("login.html", False, login),
    "login-error": ("login.html", False, login_error),
    "login-sign": ("login_sign.html", False, login_sign),
    "deposit": ("deposit.html", True, deposit),
    "deposit-network": ("deposit.html", True, deposit_network),
    "deposit-empty": ("deposit.html", True, deposit_empty),
    "withdraw": ("withdraw.html", True, withdraw),
    "withdraw-errors": ("withdraw.html", True, withdraw_errors),
    "send": ("send.html", True, send),
    "send-errors": ("send.html", True, send_errors),
    "history": ("history.html", True, history),
    "history-many": ("history.html", True, history_many),
    "history-empty": ("history.html", True, history_empty),
    "flow": ("flow.html", True, flow),
    "operator": ("operator.html", True, operator),
    "operator-quiet": ("operator.html", True, operator_quiet),
    "refused": ("refused.html", True, refused),
    **CONTROLS,
    **CONVERSIONS,
    **DASHBOARDS,
    **CHAT,
    **CLAIMS,
    **FLOWS,
    **LOSSES,
    **SWEEPS,
    **TREASURY,
    **APP_SAMPLES,
    **WEBHOOK_SAMPLES,
}
