"""List the alerts: `python scripts/list_alerts.py` rewrites docs/alerts.md, `--check` only compares."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from domain.alert_rules import NODATA_AFTER, RULES, AlertRule  # noqa: E402 - the path has to be set first

PAGE = ROOT / "docs" / "alerts.md"
HEADER = f"""\
# Alerts

Generated from `domain/alert_rules.py` and `domain/alerts_in_place.py` by `make docs`; the alert engine uses the same
rows. What to look at first at night: [operations.md](operations.md#when-something-is-wrong).

- **Raised and cleared.** Most rules are evaluated every 15 s. An alert is raised once its condition has held for the
  time in the last column, and cleared once the condition has been absent. Rules marked *in code* are not evaluated
  periodically: the code that notices the condition raises and clears the alert.
- **No data.** A rule that cannot be evaluated clears nothing. After {int(NODATA_AFTER.total_seconds())} s that is an
  alert of its own, with the same code and a scope that begins with `nodata:`. While a chain's node is down, rules that
  depend on it are not evaluated.
- **Acknowledge** an alert to tell the others that you are working on it. **Silence** it to stop letters about it for a
  while: it is still raised and shown, and a letter says what still stands when the silence ends.
- **Settle.** An approver can end an alert marked *or settled*: its cause happened once and for all, its host is gone,
  or it would otherwise be raised again at the next evaluation. All other alerts end only when their cause does.

`GET /api/v1/alerts/rules` shows when each rule was last evaluated.

| code | severity | scope | meaning | usual cause | what to do | held for |
|---|---|---|---|---|---|---|
"""


def line(rule: AlertRule) -> str:
    """One rule as a row of the table."""
    held = f"{int(rule.hold_for.total_seconds())} s" if rule.is_evaluated else "in code"
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
