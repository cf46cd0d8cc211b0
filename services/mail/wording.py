"""The wording of letters, as text and HTML; they hold facts that operators may see anyway, and no secrets."""

import html
from collections.abc import Sequence
from typing import Final, NamedTuple

from services.events import Event

LINES_MAX: Final = 100
_REASON_LENGTH_MAX: Final = 300
_PAGE: Final = '<!doctype html><html lang="en"><body style="font-family:sans-serif;max-width:40em">{}</body></html>'


class Words(NamedTuple):
    """One letter's text."""

    subject: str
    body: str
    html: str


def confirmation(link: str) -> Words:
    """Ask whether an address is its owner's."""
    lines = [
        "Somebody who is an operator of Strongroom wants to be written to here.",
        "If it was you, sign in and open this within a day:",
    ]
    return _words("Is this address yours?", lines, [], link, "If it was not you, do nothing: nothing more will come.")


def urgent(event: Event, public_url: str) -> Words:
    """A critical alert was raised or is over."""
    over = event.data["status"] == "cleared"
    subject = f"[{'over' if over else 'critical'}] {_code(event)}"
    return _words(
        subject, ["This is over." if over else "This needs you now."], [_line(event)], _page(event, public_url)
    )


def collected(events: Sequence[Event], public_url: str) -> Words:
    """What happened in the last hour that was not urgent."""
    shown = [f"{_line(event)} {_page(event, public_url)}" for event in events[:LINES_MAX]]
    more = len(events) - len(shown)
    after = f"And {more} more." if more else ""
    count = len(events)
    subject = f"[notice] {_code(events[0])}" if count == 1 else f"[notice] {count} things since the last letter"
    return _words(subject, ["Since the last letter:"], shown, f"{public_url}/operator/alerts", after)


def still(events: Sequence[Event], public_url: str, *, is_urgent: bool) -> Words:
    """A silence is over, and the alerts that it kept quiet still stand."""
    shown = [f"{_line(event)} {_page(event, public_url)}" for event in events[:LINES_MAX]]
    more = len(events) - len(shown)
    count = f"{len(events)} alerts stand" if len(events) > 1 else f"{_code(events[0])} stands"
    subject = f"[{'critical' if is_urgent else 'notice'}] {count} still, and the silence is over"
    after = f"And {more} more." if more else ""
    return _words(subject, ["This was silenced, and still stands:"], shown, f"{public_url}/operator/alerts", after)


def _words(subject: str, before: Sequence[str], items: Sequence[str], link: str, after: str = "") -> Words:
    body = "\n".join([*before, "", *(f"- {item}" for item in items), *([""] if items else []), link, "", after])
    drawn = "".join(f"<p>{html.escape(line)}</p>" for line in before)
    if items:
        drawn += "<ul>" + "".join(f"<li>{html.escape(item)}</li>" for item in items) + "</ul>"
    drawn += f'<p><a href="{html.escape(link)}">{html.escape(link.partition("?")[0])}</a></p>'
    drawn += f"<p>{html.escape(after)}</p>" if after else ""
    return Words(_plain(subject), body.rstrip() + "\n", _PAGE.format(drawn))


def _code(event: Event) -> str:
    return str(event.data["alert_code"]).replace("_", " ")


def _line(event: Event) -> str:
    said = "over" if event.data["status"] == "cleared" else event.data["severity"]
    reason = _plain(event.data["reason"])[:_REASON_LENGTH_MAX]
    return f"{event.occurred_at:%H:%M:%S} UTC, {said}: {_code(event)}, {event.data['service_scope']}. {reason}"


def _page(event: Event, public_url: str) -> str:
    return f"{public_url}{event.data['page']}"


def _plain(text: str) -> str:
    """Without line breaks, which would break a header."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
