"""Which runs may reach the outside, by the egress proxy: those of jobs that .env names."""

from __future__ import annotations

import json
import re

from control_plane.docker_gate.policy import Policy
from control_plane.docker_gate.refusal import RefusedError, shown

# How the code server names the code that it has loaded, and where the image has it. A run can write
# into its volumes, but not there.
_CODE_POINTER = "ModuleCodePointer"
_CODE_FOLDER = "/app"
_MODULE = re.compile(r"user_code(\.[A-Za-z_][A-Za-z0-9_]*)*")


def check_may_go_outside(job_name: str, arguments: str, policy: Policy) -> None:
    """RefusedError unless a run with these arguments is a named job's, of the image's own code.

    A label is soon forged in Dagster's tables. So what the run will load is looked at, too: the
    job's name, and code that came with the image, not with a file that some run has written.
    """
    if job_name not in policy.outside_jobs:
        raise RefusedError(403, f"ASSAY_OUTSIDE_JOBS does not name the job {shown(job_name)}")
    origin = _inner(json.loads(arguments), "pipeline_origin")
    pointer = _inner(_inner(origin, "repository_origin"), "code_pointer")
    module = pointer.get("module")
    if (
        origin.get("pipeline_name") != job_name
        or pointer.get("__class__") != _CODE_POINTER
        or pointer.get("working_directory") != _CODE_FOLDER
        or not isinstance(module, str)
        or _MODULE.fullmatch(module) is None
    ):
        raise RefusedError(
            403, f"an outside run loads the job {shown(job_name)} from the image's user_code alone"
        )


def _inner(value: dict[str, object], key: str) -> dict[str, object]:
    inner = value.get(key)
    return inner if isinstance(inner, dict) else {}
