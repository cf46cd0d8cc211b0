"""List the metrics: `python scripts/list_metrics.py` rewrites the table in docs/operations.md; `--check` compares."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from domain.metrics import METRICS, Metric  # noqa: E402 - the path has to be set first

PAGE = ROOT / "docs" / "operations.md"
BEGIN = "<!-- What follows is written from domain/metrics.py by `make docs`. -->\n"
END = "<!-- metrics end -->\n"
HEADER = "\n| metric | kind | labels | meaning | reported by |\n|---|---|---|---|---|\n"


def line(metric: Metric) -> str:
    """One metric as a row of the table."""
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.meaning} | {metric.told_by} |\n"


def main() -> None:
    """Write the table, or say that it is out of date."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    text = before + BEGIN + HEADER + "".join(map(line, METRICS.values())) + "\n" + END + after
    if "--check" in sys.argv:
        if PAGE.read_text() != text:
            raise SystemExit("docs/operations.md is out of date: run `make docs`")
        return
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
