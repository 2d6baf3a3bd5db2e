"""The gate runs what the README tells people to run, and leaves no process behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the gate alone; the test writes the Makefile."""
    (tmp_path / ".ci").mkdir()
    shutil.copy2(ROOT / ".ci/run", tmp_path / ".ci/run")
    return tmp_path


def run_gate(checkout: Path, makefile: str) -> subprocess.CompletedProcess[str]:
    (checkout / "Makefile").write_text(makefile)
    # No engine, so that it doesn't ask for a browser here.
    (checkout / "docker").write_text("#!/bin/sh\nexit 1\n")
    (checkout / "docker").chmod(0o755)
    environment = {**os.environ, "PATH": f"{checkout}:{os.environ['PATH']}"}
    environment["ASSAY_PROJECT"] = "somebody-s-live-assay"
    return subprocess.run(
        [str(checkout / ".ci/run")], capture_output=True, text=True, env=environment
    )


def test_workflow_and_gate_both_call_make_check_test() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    steps = workflow["jobs"]["check-and-test"]["steps"]

    assert "make check test" in [step.get("run") for step in steps]
    assert "\nmake check test " in (ROOT / ".ci/run").read_text()
    assert os.access(ROOT / ".ci/run", os.X_OK)


def test_the_gate_hands_on_the_status_and_hides_a_live_assay(checkout: Path) -> None:
    done = run_gate(
        checkout, "check:\n\t@echo project=$$ASSAY_PROJECT.\ntest:\n\t@echo tests fail; exit 1\n"
    )

    assert "project=." in done.stdout
    assert "tests fail" in done.stdout
    assert done.returncode != 0


def test_the_gate_ends_what_a_test_left_running(checkout: Path) -> None:
    left = f"sleep 6{os.getpid()}"
    makefile = f"check:\n\t@(setsid {left} >/dev/null 2>&1 &)\ntest:\n\t@true\n"

    done = run_gate(checkout, makefile)

    assert done.returncode == 0, done.stderr
    # It may not have come as far as its own name yet.
    assert "left behind: " in done.stdout
    deadline = time.monotonic() + 10
    while is_running(left) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(left)


def is_running(command: str) -> bool:
    """Whether a process has this command line; /proc, as bare machines lack pgrep."""
    wanted = command.replace(" ", "\0").encode() + b"\0"
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if path.read_bytes() == wanted:
                return True
    return False
