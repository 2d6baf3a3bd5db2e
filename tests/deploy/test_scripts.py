"""The scripts in deploy/ before an engine that says what a test has it say."""

import fcntl
import os
import re
import shutil
import socket
import subprocess
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DOCKER = """#!/bin/sh
echo "$*" >>"$FAKE_LOG"
case "$*" in
    info) [ -z "$FAKE_DOWN" ] ;;
    "info --format {{.NCPU}}") echo "$FAKE_CPUS" ;;
    "info --format {{.MemTotal}}") echo 17179869184 ;;
    "info --format {{.DockerRootDir}}") echo /there/is/no/such/folder ;;
    "info --format {{.SecurityOptions}}") echo "$FAKE_SECURITY" ;;
    "context inspect "*) echo "$FAKE_SOCKET" ;;
    "compose version "*) echo 2.40.0 ;;
    "compose "*" exec "*) echo 0 ;;
    "compose "*" build "*) printf "$FAKE_BUILD"; [ -z "$FAKE_BUILD" ] ;;
    "compose "*) env ;;
    "image inspect "* | "pull "*) [ -z "$FAKE_EMPTY" ] ;;
    "image ls --format "*) printf 'assay/user_code:%s\\n' built new old ;;
    "ps --all "*) echo container ;;
    "inspect "*) echo "$FAKE_CREATED" ;;
esac
"""

Script = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Runs a script with this engine; `engine` is what it says, `values` are lines of .env."""
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)

    def run(
        *words: str, engine: dict[str, str] | None = None, **values: str
    ) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ASSAY_")}
        environment |= {
            "PATH": f"{tmp_path}:{environment['PATH']}",
            "ASSAY_ENV_FILE": str(tmp_path / "env"),
            "FAKE_LOG": str(tmp_path / "log"),
            "FAKE_CPUS": "2",
            "FAKE_SECURITY": "[name=seccomp,profile=default]",
            "FAKE_SOCKET": "unix:///var/run/docker.sock",
            **(engine or {}),
        }

        def call(*words: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                words, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
            )

        for name, value in values.items():
            assert call("deploy/env_file.sh", "set", name, value).returncode == 0
        return call(*words)

    return run


@pytest.mark.parametrize(("there", "written"), [("1", "1"), ("2", "2"), ("64", "2"), ("", "2")])
def test_a_new_env_file_lets_runs_take_no_more_cpus_than_there_are(
    script: Script, tmp_path: Path, there: str, written: str
) -> None:
    assert script("deploy/env_file.sh", "make", engine={"FAKE_CPUS": there}).returncode == 0
    assert f"\nASSAY_RUN_CPUS={written}\n" in (tmp_path / "env").read_text()


@pytest.mark.parametrize(("asked", "fine"), [("2", True), ("0.5", True), ("2.5", False)])
def test_more_cpus_than_the_engine_has_are_refused_before_the_start(
    script: Script, asked: str, fine: bool
) -> None:
    done = script("deploy/host.sh", ASSAY_RUN_CPUS=asked, ASSAY_UI_PORT="1")
    assert (done.returncode == 0) is fine, done.stderr
    assert fine or "ASSAY_RUN_CPUS=2.5" in done.stderr


@pytest.mark.parametrize("nonsense", ["0", "two", "-1", "1,5", ""])
def test_cpus_that_are_no_number_are_refused(script: Script, nonsense: str) -> None:
    done = script("deploy/host.sh", ASSAY_RUN_CPUS=nonsense, ASSAY_UI_PORT="1")
    assert done.returncode == 1
    assert f"ASSAY_RUN_CPUS={nonsense} " in done.stderr


@pytest.mark.parametrize(
    ("engine", "fine"),
    [
        ({}, True),
        ({"FAKE_SOCKET": "unix:///run/docker.sock"}, True),
        ({"FAKE_SOCKET": "unix:///Users/someone/.docker/desktop/docker.sock"}, True),
        ({"FAKE_SOCKET": "unix:///run/user/1000/docker.sock"}, False),
        ({"FAKE_SOCKET": "unix:///run/podman/podman.sock"}, False),
        ({"FAKE_SECURITY": "[name=seccomp,profile=default name=rootless]"}, False),
    ],
    ids=str,
)
def test_an_engine_elsewhere_than_the_gate_looks_is_refused_with_advice(
    script: Script, engine: dict[str, str], fine: bool
) -> None:
    done = script("deploy/engine.sh", engine=engine)
    assert (done.returncode == 0) is fine, done.stderr
    assert fine or "docker context use default" in done.stderr


@pytest.mark.parametrize(
    ("address", "url", "told"),
    [
        ("0.0.0.0", "", f"http://{socket.gethostname()}:3000"),
        ("0.0.0.0", "https://assay.example", None),
        ("127.0.0.1", "", None),
    ],
)
def test_alerts_link_to_an_address_that_can_be_opened(
    script: Script, address: str, url: str, told: str | None
) -> None:
    done = script("deploy/compose.sh", "up", ASSAY_UI_ADDRESS=address, ASSAY_UI_URL=url)
    found = re.search(r"^ASSAY_UI_URL=(.*)$", done.stdout, re.MULTILINE)
    assert (found and found[1]) == told  # None: the file's, or Compose's own default


def test_the_same_code_is_built_to_the_same_image(script: Script) -> None:
    """BuildKit's attestations hold the time; with them each build has an id of its own."""
    done = script("deploy/compose.sh", "build", ASSAY_UI_PORT="3000")
    assert "BUILDX_NO_DEFAULT_ATTESTATIONS=1\n" in done.stdout


@pytest.mark.parametrize(("minutes", "removed"), [(1, []), (10, ["assay/user_code:old"])])
def test_replaced_code_stays_until_the_daemon_has_surely_heard_of_the_new(
    script: Script, tmp_path: Path, minutes: int, removed: list[str]
) -> None:
    created = datetime.now(UTC) - timedelta(minutes=minutes)
    engine = {"FAKE_CREATED": f"{created:%Y-%m-%dT%H:%M:%S}.123456789Z"}
    done = script(
        "deploy/old_images.sh", engine=engine, ASSAY_USER_CODE_IMAGE="assay/user_code:new"
    )
    assert done.returncode == 0, done.stderr
    asked = (tmp_path / "log").read_text()
    assert re.findall(r"^image rm (.*)$", asked, re.MULTILINE) == removed


def test_what_is_about_to_be_deployed_is_not_old(script: Script, tmp_path: Path) -> None:
    done = script(
        *("deploy/old_images.sh", "assay/user_code:new"),
        engine={"FAKE_CREATED": "2026-01-01T00:00:00Z"},
        ASSAY_USER_CODE_IMAGE="assay/user_code:old",
    )
    assert done.returncode == 0, done.stderr
    assert "image rm " not in (tmp_path / "log").read_text()


def test_without_an_engine_the_status_is_the_embedded_editions(script: Script) -> None:
    """Which is away here, too: nothing was ever started under this name."""
    done = script("deploy/status.sh", engine={"FAKE_DOWN": "1"}, ASSAY_PROJECT="never-started")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "edition    embedded (no Docker engine answers)",
        "! it is not running → make dev, and leave that open",
    ]


def test_alerts_are_asked_for_in_the_alerters_container(script: Script, tmp_path: Path) -> None:
    done = script("deploy/alerts.sh", "ack", "run.failed:a b", ASSAY_PROJECT="never-started")
    assert done.returncode == 0, done.stderr
    words = "exec -T alerter python -m control_plane.alerts ack run.failed:a b\n"
    assert words in (tmp_path / "log").read_text()


@pytest.mark.parametrize("runs", [True, False])
def test_alerts_are_the_embedded_editions_if_it_runs_or_without_an_engine(
    script: Script, tmp_path: Path, runs: bool
) -> None:
    project = f"test-{uuid.uuid4().hex[:8]}"
    home = REPOSITORY / ".embedded" / project
    home.mkdir(parents=True)
    try:
        with (home / "lock").open("w") as lock:
            if runs:
                fcntl.flock(lock, fcntl.LOCK_EX)
            engine = {} if runs else {"FAKE_DOWN": "1"}
            done = script("deploy/alerts.sh", "list", engine=engine, ASSAY_PROJECT=project)
    finally:
        shutil.rmtree(home)
    assert done.returncode == 1
    assert f"there is no Assay in {home}: make dev makes one" in done.stderr
    assert "alerter" not in (tmp_path / "log").read_text()


def test_an_assay_without_an_env_file_says_how_to_begin(script: Script) -> None:
    done = script("deploy/status.sh")
    assert done.returncode == 1
    assert "make up starts one" in done.stderr


def test_an_image_that_is_pinned_is_never_replaced_by_another(
    script: Script, tmp_path: Path
) -> None:
    pinned = f"python@sha256:{'0' * 64}"
    done = script("deploy/base_images.sh", engine={"FAKE_EMPTY": "1"}, PYTHON_IMAGE=pinned)
    assert done.returncode == 1
    assert f"PYTHON_IMAGE={pinned} can't be pulled" in done.stderr
    assert f"PYTHON_IMAGE={pinned}\n" in (tmp_path / "env").read_text()
    # There it is taken as it stands.
    assert script("deploy/base_images.sh").returncode == 0


BROKEN = (
    "#12 2.1 many lines\\n#12 3.4 \\033[31mValidation failed for code location user_code:\\n"
    "#12 3.4 KeyError: boom\\n#12 3.4 Validation for 1 code locations failed.\\n"
    "> RUN dagster definitions validate\\n3.4 KeyError: boom\\n"
)


def test_definitions_that_do_not_load_are_said_as_dagster_says_them_and_once(
    script: Script,
) -> None:
    done = script(
        *("deploy/images.sh", "user_code"), engine={"FAKE_BUILD": BROKEN}, ASSAY_PROJECT="assay"
    )
    assert done.returncode == 1
    said = done.stderr.splitlines()
    assert said[1:4] == [
        "Validation failed for code location user_code:",
        "KeyError: boom",
        "Validation for 1 code locations failed.",
    ]
    assert done.stderr.count("KeyError") == 1
    assert "what runs stays as it is" in done.stderr


def test_a_build_that_fails_otherwise_shows_its_end(script: Script) -> None:
    engine = {"FAKE_BUILD": "#1 no such package\\n"}
    done = script("deploy/images.sh", "user_code", engine=engine, ASSAY_PROJECT="assay")
    assert "#1 no such package" in done.stderr
