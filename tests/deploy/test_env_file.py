"""deploy/env_file.sh: made once, without secrets, and single lines changed without harm."""

import os
import re
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = (REPOSITORY / ".env.example").read_text()

EnvFile = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "assay.env"


@pytest.fixture
def env_file(path: Path) -> EnvFile:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["deploy/env_file.sh", *words],
            cwd=REPOSITORY,
            env={**os.environ, "ASSAY_ENV_FILE": str(path)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_no_secret_is_in_it(env_file: EnvFile, path: Path) -> None:
    assert env_file("make").returncode == 0
    assert not re.search(r"^\w*(PASSWORD|SECRET|TOKEN|KEY)\w*=", path.read_text(), re.MULTILINE)


def test_only_its_owner_reads_it(env_file: EnvFile, path: Path) -> None:
    env_file("make")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    env_file("set", "ASSAY_UI_PORT", "3333")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_all_but_what_the_machine_has_is_the_example(env_file: EnvFile, path: Path) -> None:
    env_file("make")

    def alike(text: str) -> str:
        return re.sub(r"(_RUN_CPUS)=.*", r"\1=", text)

    assert alike(path.read_text()) == alike(EXAMPLE)


def test_a_second_time_changes_nothing(env_file: EnvFile, path: Path) -> None:
    env_file("make")
    before = path.read_text()
    assert env_file("make").returncode == 0
    assert path.read_text() == before


def test_a_lacking_variable_is_named(env_file: EnvFile, path: Path) -> None:
    env_file("make")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("ASSAY_UI_PORT=")))
    done = env_file("make")
    assert done.returncode == 1
    assert "lacks: ASSAY_UI_PORT" in done.stderr
    assert ".env.example" in done.stderr


@pytest.mark.parametrize("value", ["a b&c|d\\e/f", "", "x=y", "json://host:1/path?a=b"])
def test_a_value_comes_back_as_it_was_set(env_file: EnvFile, path: Path, value: str) -> None:
    env_file("make")
    before = path.read_text().splitlines()
    env_file("set", "ASSAY_ALERT_URLS", value)
    assert env_file("get", "ASSAY_ALERT_URLS").stdout == f"{value}\n"
    changed = [line for line in path.read_text().splitlines() if line not in before]
    assert changed in ([], [f"ASSAY_ALERT_URLS={value}"])
