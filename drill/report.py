"""What a drill says at its end: a table on the terminal, and the same as JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drill.incidents import Incident
from drill.judges import COMPLAINTS_SHOWN, Verdict


@dataclass
class Report:
    """One drill."""

    seed: int
    minutes: float
    load: dict[str, int]
    incidents: Sequence[Incident]
    verdicts: Sequence[Verdict]
    faults_of_the_drill: list[str] = field(default_factory=list)
    came_to_rest_s: float | None = None
    """How long after the last fault everything had come to rest."""

    @property
    def passed(self) -> bool:
        """Whether everything is as it must be."""
        return not self.faults_of_the_drill and all(verdict.holds for verdict in self.verdicts)

    def to_json(self) -> dict[str, Any]:
        """All of it, in plain values."""
        return {
            "passed": self.passed,
            "seed": self.seed,
            "minutes": self.minutes,
            "load": self.load,
            "came_to_rest_s": self.came_to_rest_s,
            "verdicts": [verdict.to_json() for verdict in self.verdicts],
            "faults_of_the_drill": self.faults_of_the_drill,
            "faults": [incident.to_json() for incident in self.incidents],
        }

    def write(self, path: Path) -> None:
        """Keep it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.to_json(), indent=2) + "\n", encoding="utf-8")

    def table(self) -> str:
        """For a person at a terminal."""
        lines = [f"{'fault':<46} {'noticed':>9}  {'by':<27} {'healed':>9}"]
        for incident in self.incidents:
            told = incident.to_json()
            lines.append(
                f"{told['fault']:<46} {_seconds(told['noticed_s']):>9}  {told['noticed_by'] or '':<27} "
                f"{_seconds(told['healed_s']):>9}"
            )
        lines += ["", ", ".join(f"{name} {count}" for name, count in self.load.items())]
        if self.came_to_rest_s is not None:
            lines.append(f"everything had come to rest {self.came_to_rest_s:.0f} s after the last fault")
        for verdict in self.verdicts:
            lines.append(f"{'✓' if verdict.holds else '✗'} {verdict.question}")
            lines += [f"    {complaint}" for complaint in verdict.complaints[:COMPLAINTS_SHOWN]]
        lines += [f"✗ the drill itself: {fault}" for fault in self.faults_of_the_drill[:COMPLAINTS_SHOWN]]
        return "\n".join(lines)


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"
