"""What a run found: one flat object for programs, one table for people."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

from wiring.embedded.node import find_program
from wiring.embedded.postgres import install_directory

RESULTS: Final = Path(__file__).resolve().parent / "results"
PACKAGES: Final = ("celery", "flask", "gevent", "gunicorn", "psycopg2-binary", "sqlalchemy")

SECONDS: Final = "seconds_"
"""What the names of figures begin with that say how long a measurement took."""

Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure means, and what it should come to, where that was said."""

    name: str
    meaning: str
    sense: Literal["≥", "≤"]
    bound: float | None
    floor: str | None = None
    floor_unit: str = ""

    def verdict(self, measured: float) -> str:
        """Whether it does; nothing where there is nothing to come to."""
        if self.bound is None:
            return ""
        return "met" if self._is_met(measured, self.bound) else "**missed**"

    @property
    def wanted(self) -> str:
        """What it should come to, in words."""
        return f"{self.sense} {_spelled(self.bound)}" if self.bound is not None else "none"

    def _is_met(self, measured: float, bound: float) -> bool:
        return measured >= bound if self.sense == "≥" else measured <= bound


TARGETS: Final = (
    Target("ledger_single", "durable transfers/s, one per call, ÷ pgbench's hand-written transfer", "≥", 0.5,
           "ledger_floor_per_s", "/s by pgbench"),
    Target("ledger_batch", "durable transfers/s, 500 per call, ÷ the same", "≥", 2.0,
           "ledger_floor_per_s", "/s by pgbench"),
    Target("ledger_hot", "transfers/s through one hot account ÷ spread accounts", "≥", 0.8,
           "ledger_single_per_s", "/s spread"),
    Target("ledger_verify_per_s", "transfers verified per second", "≥", 200_000),
    Target("balance_read", "authenticated balance reads/s ÷ a bare Flask view", "≥", 0.35,
           "balance_read_floor_per_s", "/s bare"),
    Target("login", "LNURL callback or signature login, the slower, ÷ a bare Flask view", "≥", 0.3,
           "login_floor_per_s", "/s bare"),
    Target("token_issue", "exchanges of a refresh token ÷ a bare Flask view", "≥", None,
           "token_issue_floor_per_s", "/s bare"),
    Target("withdrawal_vs_read", "p95 of a withdrawal request ÷ p95 of a balance read, 50 concurrent", "≤", 5.0,
           "withdrawal_vs_read_floor_p95_ms", " ms per read"),
    Target("block_match_scale", "a block against 1,000,000 addresses ÷ against 1,000", "≤", 1.2,
           "block_match_scale_floor_ms", " ms against 1,000"),
    Target("catch_up", "blocks/s caught up ÷ blocks/s of the node alone", "≥", 0.7,
           "catch_up_floor_blocks_per_s", " blocks/s alone"),
    Target("block_to_credit_p95_s", "from a mined block to the credit in the API, p95", "≤", 1.0),
    Target("evm_match_scale", "the same for 5,000 events of a token on an account-based chain", "≤", 1.2,
           "evm_match_scale_floor_ms", " ms against 1,000"),
    Target("evm_catch_up", "blocks/s of an account-based chain caught up ÷ of the node alone", "≥", None,
           "evm_catch_up_floor_blocks_per_s", " blocks/s alone"),
    Target("verify_rate", "claimed payments verified/s by one worker ÷ answers/s of the provider asked", "≥", None,
           "verify_rate_floor_per_s", " answers/s"),
    Target("webhook_acceptance", "Circle's notifications accepted/s ÷ a bare Flask view", "≥", None,
           "webhook_acceptance_floor_per_s", "/s bare"),
    Target("mempool_to_browser_p95_s", "from a payment's broadcast to the event on its owner's socket, p95", "≤", 1.0),
    Target("socket_idle_mb_5000", "memory of one process with 5,000 idle connections", "≤", 600,
           "socket_idle_mb_0", " MB with none"),
    Target("socket_fanout_per_s", "events delivered per second of one core", "≥", 3_000,
           "socket_fanout_wall_per_s", "/s by the wall's clock"),
    Target("overwatch_overhead", "request time with flow recording ÷ without − 1", "≤", 0.01,
           "overwatch_overhead_floor_ms", " ms without"),
    Target("overwatch_overhead_live", "the same with alerts, sums and feed at work beside the recording", "≤", 0.01,
           "overwatch_overhead_live_floor_ms", " ms without all"),
    Target("alert_notice_p95_s", "from a fault, held as long as its rule says, to its alert, p95", "≤", None),
    Target("dashboard_ms_1m", "the dashboard of a day with 1,000,000 flows, rendered from its sums", "≤", 1_000),
)  # fmt: skip


def machine() -> dict[str, str | float]:
    """Where the figures come from; a figure without its machine says nothing."""
    postgres = subprocess.run(
        [install_directory() / "bin" / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    found: dict[str, str | float] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine_cpu": _line("/proc/cpuinfo", "model name"),
        "machine_cores": float(len(os.sched_getaffinity(0))),
        "machine_memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "machine_kernel": platform.release(),
        "machine_load_at_start": round(os.getloadavg()[0], 2),
        "version_python": platform.python_version(),
        "version_postgresql": postgres.stdout.split()[-1],
        "version_node": _node_version(),
    }
    return found | {f"version_{name}": version(name) for name in PACKAGES}


def write(figures: Figures, facts: Mapping[str, str | float]) -> str:
    """Keep both forms in bench/results; returns the table."""
    RESULTS.mkdir(exist_ok=True)
    rounded = {name: float(f"{value:.4g}") for name, value in figures.items()}
    (RESULTS / "latest.json").write_text(json.dumps({**rounded, **facts}, indent=2, ensure_ascii=False) + "\n")
    text = table(figures, facts)
    (RESULTS / "latest.md").write_text(text)
    return text


def missing(figures: Figures) -> list[str]:
    """The figures that were to be measured and are not there."""
    return [target.name for target in TARGETS if target.name not in figures]


def table(figures: Figures, facts: Mapping[str, str | float]) -> str:
    """Each figure with its target and its floor."""
    where = (
        f"{facts['measured_at']} on {facts['machine_cores']:.0f} cores of {facts['machine_cpu']}, "
        f"{facts['machine_memory_gb']} GB, Linux {facts['machine_kernel']}, PostgreSQL {facts['version_postgresql']}, "
        f"Python {facts['version_python']}; load {facts['machine_load_at_start']} when it began and "
        f"{facts['machine_load_at_end']} when it ended."
    )
    lines = [
        "# What was measured",
        "",
        where,
        "",
        "| figure | meaning | measured | target | | floor |",
        "|---|---|--:|--:|---|--:|",
    ]
    for target in TARGETS:
        if target.name not in figures:
            lines.append(f"| `{target.name}` | {target.meaning} | not measured | {target.wanted} | | |")
            continue
        measured = figures[target.name]
        floor = f"{_spelled(figures[target.floor])}{target.floor_unit}" if target.floor else ""
        lines.append(
            f"| `{target.name}` | {target.meaning} | {_spelled(measured)} | {target.wanted} "
            f"| {target.verdict(measured)} | {floor} |"
        )
    named = {target.name for target in TARGETS}
    lines += ["", "Also measured:", ""]
    others = {name: value for name, value in figures.items() if name not in named and not name.startswith(SECONDS)}
    lines += [f"- `{name}`: {_spelled(value)}" for name, value in others.items()]
    took = {name.removeprefix(SECONDS): value for name, value in figures.items() if name.startswith(SECONDS)}
    lines += ["", f"Seconds: {', '.join(f'{name} {value:.0f}' for name, value in took.items())}."]
    return "\n".join(lines) + "\n"


def _spelled(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _line(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.split(":", 1)[1].strip()
    return "unknown"


def _node_version() -> str:
    program = find_program()
    if program is None:
        return "none"
    answer = subprocess.run([program, "-version"], capture_output=True, text=True, check=True)
    return answer.stdout.splitlines()[0]
