"""Signs of life of a long-running service, in a small file, so that looking is cheap.

The service writes what it knows about itself; a healthcheck every few seconds reads it without
importing Dagster or opening a connection (a `dagster-daemon liveness-check` costs a second and a
half of a core each time). Imports nothing but the standard library.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

OK = "ok"


def health_file(service: str) -> Path:
    """Where `service` leaves its signs of life."""
    return Path(tempfile.gettempdir()) / f"assay-{service}.health"


def note_health(service: str, state: str = OK) -> None:
    """Note that `service` is alive and, unless `state` is OK, what is wrong. Atomic."""
    target = health_file(service)
    draft = target.with_suffix(".draft")
    draft.write_text(state, encoding="utf-8")
    draft.replace(target)


def ailment(service: str, tolerance_seconds: float) -> str | None:
    """What is wrong with `service`, or None if it said OK within `tolerance_seconds`."""
    file = health_file(service)
    try:
        age = time.time() - file.stat().st_mtime
        state = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return f"{service} has given no sign of life yet"
    if age > tolerance_seconds:
        return f"{service} has given no sign of life for {age:.0f} s (last: {state})"
    return None if state == OK else f"{service}: {state}"


def report(service: str, tolerance_seconds: float) -> int:
    """Print how `service` is; 0 if well, 1 if not: a healthcheck's exit code."""
    wrong = ailment(service, tolerance_seconds)
    print(wrong or f"{service} is well", file=sys.stderr if wrong else sys.stdout)
    return 1 if wrong else 0
