"""The figures as a table: medians, spread, ratios, and the machine that they come from."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

GOAL_OF_FLOOR, GOAL_OF_EXAMPLE, GOAL_RUNS_A_MINUTE = 1.4, 0.4, 30.0
GOAL_OF_GATE = 0.05
NAMES = {
    "floor": "floor: a bare container that loads the definitions",
    "assay": "Assay: creation to end of a run",
    "example": "Dagster's example configuration: the same",
}


def table(seconds: Mapping[str, Sequence[float]], runs_a_minute: float) -> str:
    """Markdown for `seconds` (floor, assay, example → one figure per run) and the throughput."""
    middle = {name: median(values) for name, values in seconds.items()}
    lines = ["| | median | fastest | slowest | of the floor |", "|---|---|---|---|---|"]
    for name, text in NAMES.items():
        values = seconds[name]
        lines.append(
            f"| {text} | {middle[name]:.2f} s | {min(values):.2f} s | {max(values):.2f} s "
            f"| {middle[name] / middle['floor']:.2f} × |"
        )
    verdicts = [
        ("of the floor", middle["assay"] / middle["floor"], "≤", GOAL_OF_FLOOR, "×"),
        ("of the example", middle["assay"] / middle["example"], "≤", GOAL_OF_EXAMPLE, "×"),
        ("at 4 slots", runs_a_minute, "≥", GOAL_RUNS_A_MINUTE, "runs a minute"),
    ]
    lines += ["", "| Assay | measured | goal | |", "|---|---|---|---|"]
    for text, value, sign, goal, unit in verdicts:
        met = value <= goal if sign == "≤" else value >= goal
        lines.append(
            f"| {text} | {value:.2f} {unit} | {sign} {goal:g} | {'met' if met else 'missed'} |"
        )
    return "\n".join(lines)


def launch_table(seconds: Mapping[str, Sequence[float]]) -> str:
    """Markdown for `seconds` (direct, gate → one figure per launch), and what the gate adds."""
    names = {"direct": "at the engine's own socket", "gate": "through `docker_gate`"}
    lines = ["| a launch | median | fastest | slowest |", "|---|---|---|---|"]
    for way, text in names.items():
        values = seconds[way]
        figures = (median(values), min(values), max(values))
        lines.append(f"| {text} | " + " | ".join(f"{1000 * v:.0f} ms" for v in figures) + " |")
    added = median(seconds["gate"]) - median(seconds["direct"])
    verdict = "met" if added <= GOAL_OF_GATE else "missed"
    return "\n".join(
        [
            *lines,
            "",
            f"`docker_gate` adds {1000 * added:.0f} ms to a launch "
            f"(goal: ≤ {1000 * GOAL_OF_GATE:.0f} ms, {verdict}).",
        ]
    )


def machine(engine: Mapping[str, object]) -> str:
    """One line on this machine; `engine` is what `docker info` says."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else None
    return (
        f"{os.cpu_count()} × {found[1] if found else platform.machine()}, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Docker {engine.get('ServerVersion')} "
        f"on {engine.get('Driver')}"
    )
