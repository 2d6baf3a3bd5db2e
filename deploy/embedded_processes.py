"""Start programs, and stop them with everything that they started."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def adopt_orphans() -> None:
    """On Linux: what our programs leave behind becomes our child, so that we can stop it."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def start(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own: Ctrl-C reaches us alone, and we stop it in order.

    If we are killed, Linux interrupts it, and no second edition finds its port taken.
    Its output goes to the file `log`, or where ours goes.
    """
    output = log.open("ab") if log else None
    try:
        return subprocess.Popen(
            command,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=lambda: _prctl(_PR_SET_PDEATHSIG, signal.SIGINT),
        )
    finally:
        if output:
            output.close()


def stop(programs: Sequence[subprocess.Popen[bytes]], keep: Sequence[int] = ()) -> None:
    """Ask the programs to end, then end whatever of their processes is left.

    `keep` are process ids that stay, with their children (a database that still has to be asked).
    """
    family = {child for program in programs for child in _family(program.pid)}
    for program in programs:
        if program.poll() is None:
            program.send_signal(signal.SIGINT)
    _wait({child for program in programs for child in _family(program.pid)[:1]}, 10)
    kept = {process.pid for pid in keep for process in _family(pid)}
    family |= set(psutil.Process().children(recursive=True))
    family = {process for process in family if process.pid not in kept}
    for process in family:
        _signal(process, signal.SIGTERM)
    _wait(family, 5)
    for process in family:
        _signal(process, signal.SIGKILL)
    _wait(family, 5)
    for program in programs:
        program.wait(5)


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _signal(process: psutil.Process, number: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _wait(processes: set[psutil.Process], seconds: float) -> None:
    psutil.wait_procs(list(processes), timeout=seconds)
