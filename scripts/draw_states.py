"""Draw the state tables: `python scripts/draw_states.py` rewrites docs/states.md, `--check` only compares."""

import sys
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from domain.flows import FLOW_KINDS, FlowKind  # noqa: E402 - the path has to be set first

PAGE = ROOT / "docs" / "states.md"
HEADER = """\
# State tables

Drawn from `domain/flows/` by `make docs`; the same tables drive the code, the pages and the stuck-flow alerts.
"""


def draw(kind: FlowKind) -> str:
    """One kind of flow: its diagram, and what each state means and may last."""
    lines = [f"\n## {kind.name}\n", "```mermaid", "stateDiagram-v2"]
    lines += [f"    [*] --> {state}" for state in kind.initial]
    lines += [f"    {name} --> {to}" for name, state in kind.states.items() for to in state.moves]
    lines += [f"    {name} --> [*]" for name, state in kind.states.items() if not state.moves]
    lines += ["```\n", "| state | shown as | counts as stuck after | what its owner reads |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {state.meaning} | {spell(state.time_limit)} | {state.sentence} |"
        for name, state in kind.states.items()
    ]
    return "\n".join(lines) + "\n"


def spell(limit: timedelta | None) -> str:
    """How long a state may last, for a person."""
    if limit is None:
        return "at rest"
    hours, minutes = divmod(int(limit.total_seconds()) // 60, 60)
    return f"{hours} h" if not minutes else f"{minutes} min" if not hours else f"{hours} h {minutes} min"


def main() -> None:
    """Write the page, or say that it is out of date."""
    text = HEADER + "".join(draw(kind) for kind in FLOW_KINDS.values())
    if "--check" in sys.argv:
        if not PAGE.exists() or PAGE.read_text() != text:
            raise SystemExit("docs/states.md is out of date: run `make docs`")
        return
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
