"""How a run failed: its step and error, or what became of its container. Never data."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import dagster as dg
from dagster import DagsterEvent, DagsterEventType

_LONGEST_TEXT = 200
_LONGEST_TAIL = 1_000

# Said by what looks after run containers (control_plane/crash_evidence.py, boot_crashes.py) and by
# Dagster's monitoring; tests/shared/test_run_endings.py has these programs say it.
_OUT_OF_MEMORY = re.compile(r"^out of memory: it reached its limit of ([\d,]+) MiB", re.MULTILINE)
_EXIT_CODE = re.compile(r"^exit code (\d+)", re.MULTILINE)
_BEFORE_IT_BEGAN = ("ended before the run began", "seconds to start.")
_OVER_ITS_TIME = re.compile(r"Exceeded maximum runtime of (\d+) seconds")
_TAIL = "Last lines of its log:\n"


@dataclass(frozen=True)
class Ending:
    """Why a run failed. `kind` is the alert's; `facts` go beside step and error."""

    kind: str
    step: str
    error: str
    facts: dict[str, object] = field(default_factory=dict)


def how_it_failed(instance: dg.DagsterInstance, run_id: str) -> Ending:
    """Which step failed, and why: the first line of our own message, else the error's class.

    Other people's messages may quote data, so that they stay in the run's log.
    """
    kinds = {DagsterEventType.STEP_FAILURE, DagsterEventType.RUN_FAILURE}
    ending = Ending("run.failed", "", "unknown: see the run's log")
    step: Ending | None = None
    for record in instance.get_records_for_run(run_id, of_type=kinds).records:
        event = record.event_log_entry.dagster_event
        if event is None:
            continue
        if event.event_type == DagsterEventType.STEP_FAILURE:
            step = step or _of_step(event)
            continue
        ending = of_message(event.message or ending.error)
        if ending.kind == "run.over_time":
            # The step that it interrupted has failed, too: that is no reason.
            return ending
    return step or ending


def of_message(message: str) -> Ending:
    """What the message of a run's failure tells that no step told."""
    first = _first_line(message)
    memory = _OUT_OF_MEMORY.search(message)
    if memory:
        limit = int(memory[1].replace(",", ""))
        error = f"out of memory: its container reached its limit of {limit} MiB"
        return Ending("run.out_of_memory", "", error, {"memory_limit_mib": limit})
    if any(words in message for words in _BEFORE_IT_BEGAN):
        # No step has run, so that no data was read: the log's tail may be told.
        tail = message.partition(_TAIL)[2].strip()[-_LONGEST_TAIL:]
        return Ending("run.crashed_at_boot", "", first, {"log_tail": tail} if tail else {})
    over = _OVER_ITS_TIME.search(message)
    if over:
        return Ending("run.over_time", "", first, {"time_limit_s": int(over[1])})
    code = _EXIT_CODE.search(message)
    if code:
        error = f"its container ended with exit code {code[1]}"
        return Ending("run.killed", "", error, {"exit_code": int(code[1])})
    return Ending("run.failed", "", first)


def _of_step(event: DagsterEvent) -> Ending:
    data = event.step_failure_data
    step = event.step_key or ""
    if data.user_failure_data is not None:
        return Ending("run.failed", step, _first_line(data.user_failure_data.description or ""))
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    named = (error.cls_name if error else None) or "unknown: see the run's log"
    return Ending("run.failed", step, named)


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 1] + "…"
