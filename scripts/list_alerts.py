"""List the alerts: `python scripts/list_alerts.py` rewrites docs/alerts.md, `--check` only compares."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from domain.alert_rules import NODATA_AFTER, RULES, AlertRule  # noqa: E402 - the path has to be set first

PAGE = ROOT / "docs" / "alerts.md"
HEADER = f"""\
# Alerts

Written from `domain/alert_rules.py` and `domain/alerts_in_place.py` by `make docs`; the same rows drive the engine.

Most rules are looked at every 15 s: an alert is raised when its rule has been bad for as long as it is held, and
cleared when it has been good for as long. The others are raised and cleared where the thing happens. What cannot be
told clears nothing: after {int(NODATA_AFTER.total_seconds())} s it is an alert by itself, of the same code, whose scope
begins with `nodata:`. While the node of a chain is known to be down, what follows from that is not judged.
`GET /api/v1/alerts/rules` says when each rule was last looked at.

Somebody who looks after an alert acknowledges it; a silenced one is still raised and shown, and writes no letters
until its silence is over, or ended: a letter then says what still stands. What
is marked *or settled* ends, too, when an approver says that it is settled: it has happened once and for all, its host
is gone, or it would be raised again at the next look. Nothing else is ended by anybody's word.

| code | severity | scope | meaning | usual cause | what to do | held |
|---|---|---|---|---|---|---|
"""


def line(rule: AlertRule) -> str:
    """One rule as a row of the table."""
    held = f"{int(rule.hold_for.total_seconds())} s" if rule.is_evaluated else "where it happens"
    held += ", or settled" if rule.may_be_settled or "<host>" in rule.scope else ""
    cells = (f"`{rule.code}`", rule.severity, f"`{rule.scope}`", rule.meaning, rule.cause, rule.what_to_do, held)
    return f"| {' | '.join(cells)} |\n"


def main() -> None:
    """Write the page, or say that it is out of date."""
    text = HEADER + "".join(line(rule) for rule in RULES.values())
    if "--check" in sys.argv:
        if not PAGE.exists() or PAGE.read_text() != text:
            raise SystemExit("docs/alerts.md is out of date: run `make docs`")
        return
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
