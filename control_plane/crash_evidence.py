"""What a container that ended badly can still tell: exit code, memory, its last lines."""

from __future__ import annotations

import re

import docker.errors
from docker.models.containers import Container

from control_plane.secret_files import GENERATED

TAIL_LINES = 30
TAIL_CHARACTERS = 4_000

_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_EXIT_CODES = {
    126: "the command could not be executed",
    127: "the command was not found in the image",
    134: "the process aborted",
    137: "the process was killed (SIGKILL)",
    139: "the process crashed in native code (segmentation fault)",
    143: "the process was asked to stop (SIGTERM)",
}


def crash_evidence(container: Container) -> str:
    """Lines for the run's event log on how `container` ended, with the tail of its log.

    What looks like one of our secrets is blotted out of the tail: who launches a run does not know
    the run's own. Raises docker.errors.APIError, unless it is the log alone that cannot be read.
    """
    state = container.attrs["State"]
    limit = container.attrs["HostConfig"].get("Memory") or 0
    lines = [f"Container {container.short_id} ({container.attrs['Config']['Image']}):"]
    if state.get("OOMKilled"):
        lines.append(
            f"out of memory: it reached its limit of {limit / 2**20:,.0f} MiB. Give the job the "
            "tag assay/memory, or raise ASSAY_RUN_MEMORY in .env and run `make up`, or let the "
            "asset stream its input."
        )
    if state["Status"] == "exited":
        code = state["ExitCode"]
        meaning = _EXIT_CODES.get(code)
        lines.append(f"exit code {code}" + (f": {meaning}." if meaning else "."))
    else:
        lines.append(f"state {state['Status']}.")
    if state.get("Error"):
        lines.append(f"The engine says: {state['Error']}")
    lines += ["Last lines of its log:", _tail(container)]
    return "\n".join(lines)


def _tail(container: Container) -> str:
    try:
        raw: bytes = container.logs(tail=TAIL_LINES)
    except docker.errors.APIError as error:
        return f"(the log cannot be read: {error.explanation})"
    text = _TERMINAL_CODES.sub("", raw.decode("utf-8", errors="replace"))
    text = GENERATED.sub("•••", text)
    return text.strip()[-TAIL_CHARACTERS:] or "(nothing)"
