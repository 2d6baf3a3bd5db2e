"""Temporary files of runs that are over: `.<name>.<run id>.tmp`, beside their targets."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_LEFT = re.compile(r"\..+\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.tmp")
# A run's container outlives its run by seconds; a zombie is killed after two minutes.
GRACE_SECONDS = 3600


def left_files(
    folders: list[Path], is_over: Callable[[str], bool], grace_seconds: float = GRACE_SECONDS
) -> Iterator[Path]:
    """Files below `folders` that a run which `is_over` has left, untouched for `grace_seconds`.

    Links are not followed. A folder that is not there has none.
    """
    verdicts: dict[str, bool] = {}
    for folder in folders:
        for place, _, names in os.walk(folder):
            for name in names:
                found = _LEFT.fullmatch(name)
                if found is None:
                    continue
                path = Path(place) / name
                try:
                    touched = path.lstat().st_mtime
                except FileNotFoundError:
                    continue
                if time.time() - touched < grace_seconds:
                    continue
                run_id = found[1]
                if run_id not in verdicts:
                    verdicts[run_id] = is_over(run_id)
                if verdicts[run_id]:
                    yield path
