"""What ends a run is told in words of ours, from texts that the control plane really writes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from control_plane.crash_evidence import crash_evidence
from user_code.shared.run_alerts import _WHAT
from user_code.shared.run_endings import Ending, of_message

MONITORING = "Detected run worker status (FAILED, None). Marking run 1 as failed.\n"
BOOT = "The run's container ended before the run began.\n"


def evidence(log: bytes, **state: Any) -> str:
    """What the control plane writes of such a container."""
    container = SimpleNamespace(
        short_id="abc",
        attrs={
            "State": {"Status": "exited", "ExitCode": 137, **state},
            "HostConfig": {"Memory": 1536 * 2**20},
            "Config": {"Image": "assay/user_code:1"},
        },
        logs=lambda **_: log,
    )
    return crash_evidence(container)  # type: ignore[arg-type]


def test_a_container_without_memory_says_so_with_its_limit_and_nothing_of_its_log() -> None:
    ending = of_message(MONITORING + evidence(b"account 4711", OOMKilled=True))
    assert ending == Ending(
        "run.out_of_memory",
        "",
        "out of memory: its container reached its limit of 1536 MiB",
        {"memory_limit_mib": 1536},
    )


def test_a_killed_container_says_its_exit_code_and_nothing_of_its_log() -> None:
    ending = of_message(MONITORING + evidence(b"account 4711"))
    assert ending == Ending(
        "run.killed", "", "its container ended with exit code 137", {"exit_code": 137}
    )


def test_a_crash_at_boot_shows_the_end_of_its_log() -> None:
    log = b"x" * 5000 + b"\nImportError: no module named polars"
    ending = of_message(BOOT + evidence(log, ExitCode=1))
    assert ending.kind == "run.crashed_at_boot"
    tail = str(ending.facts["log_tail"])
    assert tail.endswith("ImportError: no module named polars")
    assert len(tail) <= 1000


def test_dagsters_own_words_for_a_run_over_its_time_are_understood() -> None:
    import inspect

    from dagster._daemon.monitoring import run_monitoring

    source = inspect.getsource(run_monitoring)
    assert 'f"Exceeded maximum runtime of {int(max_time)} seconds."' in source
    assert "seconds to start." in source
    assert of_message("Exceeded maximum runtime of 60 seconds.").facts == {"time_limit_s": 60}


def test_every_ending_has_words_for_the_alerts_subject() -> None:
    texts = [
        MONITORING + evidence(b"", OOMKilled=True),
        MONITORING + evidence(b""),
        BOOT,
        "Exceeded maximum runtime of 60 seconds.",
        "anything else",
    ]
    assert {of_message(text).kind for text in texts} == set(_WHAT)
