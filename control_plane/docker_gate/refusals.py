"""What was refused lately, for the daemon to make alerts of: the gate has no network."""

from __future__ import annotations

import re
import threading
import time
from collections import deque

from control_plane.container_labels import RUN_ID_LABEL
from control_plane.docker_gate.calls import Call
from control_plane.docker_gate.refusal import RefusedError
from control_plane.docker_gate.strict_json import parse_object

KEPT = 100
_RUN_ID = re.compile(r"[0-9a-f-]{36}")


class Refusals:
    """The last hundred refusals that a person should hear of, until they were fetched."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[dict[str, object]] = deque(maxlen=KEPT)

    def note(self, caller: str, request: str, refused: RefusedError, call: Call | None) -> None:
        """Keep a refusal, unless it is part of everyday life.

        `request` is method and path, `call` what it was understood as. Everyday: a container or an
        image that is gone, an engine that is away, the pull by which docker-py follows that up.
        """
        if call is not None and refused.status not in (400, 403):
            return
        if re.fullmatch(r"POST /v1\.[0-9]{2}/images/create", request):
            return
        with self._lock:
            # Numbers that grow over restarts of the gate, too.
            number = max(time.time_ns(), _number(self._kept[-1]) + 1 if self._kept else 0)
            self._kept.append(
                {
                    "number": number,
                    "caller": caller,
                    "request": request,
                    "reason": refused.message,
                    "run_id": _run_of(call),
                }
            )

    def after(self, number: int) -> list[dict[str, object]]:
        """Those after `number`, oldest first; what is up to `number` is forgotten."""
        with self._lock:
            while self._kept and _number(self._kept[0]) <= number:
                self._kept.popleft()
            return list(self._kept)


def _number(refusal: dict[str, object]) -> int:
    number = refusal["number"]
    return number if isinstance(number, int) else 0


def _run_of(call: Call | None) -> str:
    """The run that a create request says it is for, if it says so; empty otherwise."""
    if call is None or call.name != "create":
        return ""
    try:
        labels = parse_object(call.body).get("Labels")
    except RefusedError:
        return ""
    run_id = labels.get(RUN_ID_LABEL) if isinstance(labels, dict) else None
    return run_id if isinstance(run_id, str) and _RUN_ID.fullmatch(run_id) else ""
