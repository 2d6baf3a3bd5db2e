"""The Makefile and the scripts behind it."""

import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
MAKEFILE = (REPOSITORY / "Makefile").read_text()
SCRIPTS = sorted((REPOSITORY / "deploy").rglob("*.sh"))


def test_help_lists_every_target() -> None:
    listed = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    shown = set(re.findall(r"^\s+(?:\x1b\[1m)?([a-z-]+)", listed, re.MULTILINE))
    targets = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
    (phony,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert shown == targets == set(phony.split())


def test_every_script_that_a_target_calls_is_there_and_can_be_run() -> None:
    for script in set(re.findall(r"@(deploy/\S+\.sh)", MAKEFILE)):
        assert (REPOSITORY / script).stat().st_mode & 0o111, script


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_strict_and_parses(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True)
    text = script.read_text()
    sourced_or_tiny = script.name in ("say.sh", "port.sh", "safe.sh")
    strict = "set -eu\n" if text.startswith("#!/bin/sh\n") else "set -euo pipefail"
    assert strict in text or sourced_or_tiny


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_failure_says_what_to_do(script: Path) -> None:
    text = script.read_text().replace("\\\n", " ")
    for call in re.findall(r"\bfail (\".*?)(?: ;;|$)", text, re.MULTILINE):
        words = re.findall(r'"(?:[^"\\]|\\.|\$\([^)]*\))*"', call)
        assert (
            len(words) >= 2
            or "nothing was deleted" in call
            or "landing.sh" in call
            or ("which images are in use" in call or "there is no $file" in call)
        ), f"{script.name}: {call}"
