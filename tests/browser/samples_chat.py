"""Example pages of conversations, and of linking a key."""

from typing import Any

from api.pages.chat import MessageLine, Peer, ThreadLine
from api.pages.shapes import FormField
from services.blocked import Listed
from services.chat import BODY_LENGTH_MAX
from tests.browser.facts import KEY, ONE, ago

OTHER = "03" + KEY[2:][::-1]


def _thread(key: str, **more: Any) -> ThreadLine:
    facts: dict[str, Any] = {
        "key": key,
        "name": None,
        "is_online": False,
        "unread": 0,
        "preview": "Thank you, it arrived.",
        "at": ago(days=2),
        "is_mine": False,
    }
    return ThreadLine(**{**facts, **more})


def _page(**more: Any) -> dict[str, Any]:
    return {"lines": (), "peer": None, "messages": (), "length_max": BODY_LENGTH_MAX, "to": FormField(),
            "message": FormField(), **more}  # fmt: skip


def threads() -> dict[str, Any]:
    long = "a friend with a name as long as somebody thought was a good idea, which is eighty"
    return _page(
        lines=[
            _thread(OTHER, is_online=True, unread=2, preview="Are you there? I have sent 0.05 BTC.", at=ago(seconds=8)),
            _thread("02" + "7f" * 32, name=long, preview="x" * 120, is_mine=True, at=ago(hours=3)),
            _thread("02" + "5a" * 32),
        ]
    )


def threads_empty() -> dict[str, Any]:
    wrong = FormField("nobody", ("Nobody here has this key or address.",))
    return _page(to=wrong)


def thread() -> dict[str, Any]:
    said = (
        (False, False, "Good morning. Did the coin arrive?", ago(days=1)),
        (True, True, "It did:\n\n  0.050 000 00 BTC\n\nwith 3 confirmations.", ago(hours=20)),
        (False, False, "https://" + "a-very-long-address." * 8 + "example.com", ago(minutes=4)),
        (True, False, "I see. Shall we talk?", ago(seconds=9)),
    )
    lines = [
        MessageLine(number, is_mine=mine, is_read=read, body=body, at=at)
        for number, (mine, read, body, at) in enumerate(said, 1)
    ]
    return _page(peer=Peer(OTHER, is_online=True), messages=lines)


def thread_new() -> dict[str, Any]:
    refused = FormField("", ("There is nothing to send.",))
    return _page(peer=Peer(OTHER, is_online=False), message=refused)


def thread_blocked() -> dict[str, Any]:
    return {**thread(), "peer": Peer(OTHER, is_online=True, is_blocked=True)}


def blocked_people() -> dict[str, Any]:
    long = "a friend with a name as long as somebody thought was a good idea, which is eighty"
    return {"people": [Listed(OTHER, None, ago(seconds=40)), Listed("02" + "7f" * 32, long, ago(days=90))]}


def account_sign() -> dict[str, Any]:
    message = f"Link a key at Strongroom\n\nKey: {OTHER}\nNonce: 3f9a…\nExpires: 2025-11-21T14:35:00Z"
    return {
        "challenge": {"id": ONE, "message": message, "subject": OTHER, "expires_at": ago(minutes=-5)},
        "signature_length_max": 16_384,
        "name": "phone",
        "problem": "Nothing was linked: this is not a signature of this text by this key.",
    }


CHAT = {
    "chat": ("chat.html", True, threads),
    "chat-empty": ("chat.html", True, threads_empty),
    "chat-thread": ("chat.html", True, thread),
    "chat-new": ("chat.html", True, thread_new),
    "chat-blocked": ("chat.html", True, thread_blocked),
    "blocked": ("blocked.html", True, blocked_people),
    "account-sign": ("account_sign.html", True, account_sign),
}
