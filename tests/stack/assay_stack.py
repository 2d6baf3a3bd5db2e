"""A whole Assay of the tests' own, beside any other: started, asked and removed from outside."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster_api import DagsterApi
from docker_engine import bridge_gateway, containers, docker, inspect, left_of, sweep
from waiting import wait_for

NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", ".env", ".env.*", ".tools", ".embedded", "landing", "contracts.d",
    "test-artifacts", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info",
)  # fmt: skip


def copy_of(repository: Path, target: Path) -> Path:
    """The repository's files in a folder that a test may change. `.tools` is shared."""

    def ignored(folder: str, names: list[str]) -> set[str]:
        # `samples/landing.py` and the like stay: only top-level folders are local state.
        at_top = Path(folder) == repository
        return {
            name
            for name in NOT_COPIED(folder, names)
            if at_top or name == "__pycache__" or name.endswith("_cache")
        }

    shutil.copytree(repository, target, ignore=ignored, symlinks=True)
    shutil.copy(repository / ".env.example", target)
    (repository / ".tools").mkdir(exist_ok=True)
    (target / ".tools").symlink_to(repository / ".tools")
    return target


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class AssayStack:
    """One Assay: its own tree, env file, project name, port and landing zone.

    `tree` holds the files that it is built from, `folder` whatever it writes on the host.
    """

    def __init__(self, tree: Path, folder: Path, project: str, **values: str) -> None:
        self.tree = tree
        self.project = project
        self.landing = folder / "landing"
        self.env_file = folder / "assay.env"
        self.port = free_port()
        self.api = DagsterApi(f"http://127.0.0.1:{self.port}")
        folder.mkdir(parents=True, exist_ok=True)
        self.values = {
            "ASSAY_PROJECT": project,
            "ASSAY_UI_PORT": str(self.port),
            "ASSAY_UI_URL": self.api.url,
            "ASSAY_LANDING_DIR": str(self.landing),
            "ASSAY_CONTRACTS_DIR": str(folder / "contracts.d"),
            "ASSAY_ALERTS_DIR": str(folder / "alerts.d"),
            **values,
        }

    def script(self, *words: str, seconds: float = 300) -> str:
        """Run a command of the project on this Assay, in its tree; what it printed.

        AssertionError with the end of its output if it fails.
        """
        # The environment of an Assay that lives on this machine must not reach this one.
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("ASSAY_", "MAKE"))}
        done = subprocess.run(
            words,
            cwd=self.tree,
            env={**environment, "ASSAY_ENV_FILE": str(self.env_file)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        said = done.stdout[-6000:]
        assert done.returncode == 0, f"{' '.join(words)} ended with {done.returncode}:\n{said}"
        return done.stdout

    def up(self) -> str:
        """`make up`, with this Assay's own values in its env file; what it printed."""
        if not self.env_file.exists():
            self.script("deploy/env_file.sh", "make")
            for name, value in self.values.items():
                self.script("deploy/env_file.sh", "set", name, value)
        said = self.script("make", "up", seconds=900)
        # The first start makes a login, and says its password this once.
        if shown := re.search(r"Login +(\S+)\n +Password +(\S+)", said):
            self.api.log_in(shown[1], shown[2])
        return said

    def new_login(self, name: str, role: str) -> DagsterApi:
        """A login of its own for somebody, as `make user` makes it, once the gateway knows it."""
        said = self.script("make", "user", f"NAME={name}", f"ROLE={role}")
        shown = re.search(r"password +(\S+)", said)
        assert shown, said
        api = DagsterApi(self.api.url, name, shown[1])
        wait_for(f"the login of {name}", lambda: api.ask("{ version }"), seconds=60)
        return api

    def setting(self, name: str) -> str:
        """One value of the env file."""
        return self.script("deploy/env_file.sh", "get", name).strip()

    def remove(self) -> list[str]:
        """`make reset`, and a sweep after it; what `make reset` had left, which should be none."""
        try:
            if self.env_file.exists():
                self.script("make", "reset", "YES=1")
            return left_of(self.project)
        finally:
            sweep(self.project)

    def logs(self, lines: int = 40) -> str:
        """The services' and the newest run containers' last lines, for a failure's report."""
        names = docker(
            "ps", "-a", "--format", "{{.Names}}",
            "--filter", f"label=com.docker.compose.project={self.project}",
        ).split()  # fmt: skip
        runs = containers(f"label=assay.project={self.project}", "label=assay.kind=run")[:3]
        text = ""
        for name in [*names, *runs]:
            done = subprocess.run(
                ["docker", "logs", "--tail", str(lines), name],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
            )  # fmt: skip
            text += f"--- {name}\n{done.stdout}"
        return text

    def service(self, name: str) -> dict[str, Any]:
        """What the engine knows of a service's container."""
        (found,) = containers(*self.services(), f"label=com.docker.compose.service={name}")
        return inspect(found)

    def services(self) -> tuple[str, str]:
        """Filters that let pass the services' containers, and no run's."""
        # A run's container has the labels that Compose gave its image, the project's among them.
        return (
            f"label=com.docker.compose.project={self.project}",
            "label=com.docker.compose.oneoff=False",
        )

    def run_containers(self, run_id: str) -> list[dict[str, Any]]:
        """The containers, stopped ones too, that were made for a run."""
        return [inspect(found) for found in containers(f"label=dagster/run_id={run_id}")]

    def run_container(self, run_id: str, seconds: float = 180) -> dict[str, Any]:
        """A run's container, as soon as it is there; AssertionError after `seconds`."""
        found = wait_for(
            f"the container of run {run_id}",
            lambda: self.run_containers(run_id),
            seconds,
            every=0.2,
        )
        return found[0]

    def psql(self, statement: str, database: str = "warehouse") -> list[list[str]]:
        """Rows of a statement, as text, by the superuser inside the postgres container."""
        answer = docker(
            "exec", "--user", "postgres", str(self.service("postgres")["Id"]),
            "psql", "--no-psqlrc", "-U", "postgres", "-d", database,
            "-v", "ON_ERROR_STOP=1", "-A", "-t", "-F", "\t", "-c", statement,
        )  # fmt: skip
        return [line.split("\t") for line in answer.splitlines()]

    def count(self, table: str, where: str = "true") -> int:
        """How many rows of a warehouse table fit a condition."""
        return int(self.psql(f"select count(*) from {table} where {where}")[0][0])

    def land(self, path: str, content: bytes) -> Path:
        """Put a file into the landing zone, whole at once, as `make load` would."""
        target = self.landing / path
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        part.write_bytes(content)
        part.chmod(0o644)
        part.rename(target)
        return target


def alert_url(port: int) -> str:
    """The Apprise URL by which a container's alerts reach a web server on this host."""
    return f"json://{bridge_gateway()}:{port}/alerts"


# Those that are up now: a failed test's report shows their logs.
STARTED: list[AssayStack] = []


@contextmanager
def running(stack: AssayStack) -> Iterator[AssayStack]:
    """Start an Assay, and remove it in the end; nothing of it may stay in the engine."""
    STARTED.append(stack)
    try:
        try:
            stack.up()
        except AssertionError as error:
            raise AssertionError(f"{error}\n{stack.logs()}") from error
        yield stack
    finally:
        STARTED.remove(stack)
        left = stack.remove()
    assert not left, f"make reset left: {left}"
