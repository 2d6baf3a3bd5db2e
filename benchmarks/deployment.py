"""A deployment under test: code server, daemon and webserver around one database."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from docker.models.containers import Container

from benchmarks.engine import HERE, BenchmarkError, Engine

PASSWORD = "benchmark"  # noqa: S105 (of a server that lives for minutes on a network of its own)
CODE_SERVER = ("dagster", "code-server", "start", "-h", "0.0.0.0", "-p", "4000")  # noqa: S104
SERVE = ("-h", "0.0.0.0", "-p", "3000", "-w", "/opt/dagster/workspace.yaml")  # noqa: S104

_LAUNCH = """
mutation($job: String!) { launchRun(executionParams: {selector: {repositoryName: "__repository__",
  repositoryLocationName: "user_code", jobName: $job}, runConfigData: {}}) { __typename
  ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
_RUN = """
query($run: ID!) { runOrError(runId: $run) { ... on Run { status creationTime endTime } } }
"""
_LOCATIONS = """
{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { __typename } } } } }
"""


@dataclass(frozen=True)
class TimedRun:
    """When a run was created and when it ended, by the database, in seconds since the epoch."""

    created: float
    ended: float

    @property
    def seconds(self) -> float:
        """From creation to end."""
        return self.ended - self.created


def start_postgres(engine: Engine) -> Container:
    """One server for both deployments, with a database for each."""
    engine.write_password_file(f"*:*:*:dagster:{PASSWORD}\n")
    postgres = engine.start(
        "postgres",
        None,
        {"POSTGRES_USER": "dagster", "POSTGRES_PASSWORD": PASSWORD, "POSTGRES_DB": "dagster"},
        alias="postgres",
    )
    # By TCP: the half-made server of the first start listens on its socket only.
    engine.wait_until(postgres, ["pg_isready", "-q", "-h", "127.0.0.1", "-U", "dagster"])
    made = postgres.exec_run(["createdb", "-U", "dagster", "example"])
    if made.exit_code:
        raise BenchmarkError(f"createdb: {made.output.decode()}")
    return postgres


class Deployment:
    """One way to deploy Dagster: `assay`, as this repository does, or `example`, as Dagster's."""

    def __init__(self, engine: Engine, kind: str) -> None:
        self.kind = kind
        self.job = "noop" if kind == "assay" else "noop_example"
        example = kind == "example"
        files = {
            f"/opt/dagster/{name}": HERE / "example" / name
            for name in ("dagster.yaml", "workspace.yaml")
            if example
        }
        environment = {
            "ASSAY_PROJECT": engine.project,
            "ASSAY_PG_HOST": "postgres",
            "ASSAY_PG_PORT": "5432",
            "ASSAY_DAGSTER_PASSWORD": PASSWORD,
            "ASSAY_USER_CODE_IMAGE": engine.images["noop"],
            "BENCHMARK_NETWORK": engine.network,
        }
        engine.run_to_end("dagster", ["dagster", "instance", "migrate"], environment, files)
        code = engine.start(
            "noop",
            [*CODE_SERVER, "-m", "noop_definitions"],
            {**environment, "DAGSTER_CURRENT_IMAGE": engine.images["noop"]},
            alias="example_user_code" if example else "user_code",
            files={name: path for name, path in files.items() if name.endswith("dagster.yaml")},
        )
        engine.wait_until(code, ["bash", "/app/health/port.sh", "4000"])
        daemon, webserver = (
            (["dagster-daemon", "run", *SERVE[-2:]], ["dagster-webserver", *SERVE])
            if example
            else (
                ["python", "-m", "control_plane.daemon"],
                ["python", "-m", "control_plane.webserver", *SERVE],
            )
        )
        engine.start("dagster", daemon, environment, files=files, socket=True)
        ui = engine.start("dagster", webserver, environment, files=files, socket=True, port=3000)
        engine.wait_until(ui, ["bash", "/app/health/http.sh", "3000", "/server_info"])
        self._url = f"http://127.0.0.1:{engine.host_port(ui, 3000)}/graphql"
        entries = self._ask(_LOCATIONS)["workspaceOrError"]["locationEntries"]
        kinds = [entry["locationOrLoadError"]["__typename"] for entry in entries]
        if kinds != ["RepositoryLocation"]:
            raise BenchmarkError(f"{kind}: the definitions did not load: {kinds}")

    def launch(self) -> str:
        """Create a run of the no-op job, as the UI does; its id."""
        launched = self._ask(_LAUNCH, job=self.job)["launchRun"]
        if launched["__typename"] != "LaunchRunSuccess":
            raise BenchmarkError(f"{self.kind}: {launched}")
        return str(launched["run"]["runId"])

    def wait_for(self, runs: Iterable[str], seconds: float = 600) -> list[TimedRun]:
        """Wait until all `runs` have ended well; BenchmarkError if one has not."""
        deadline = time.monotonic() + seconds
        done = []
        for run in runs:
            while True:
                found = self._ask(_RUN, run=run)["runOrError"]
                if found["status"] == "SUCCESS":
                    done.append(TimedRun(found["creationTime"], found["endTime"]))
                    break
                if found["status"] in ("FAILURE", "CANCELED") or time.monotonic() > deadline:
                    raise BenchmarkError(f"{self.kind}: run {run} is {found['status']}")
                time.sleep(0.5)
        return done

    def _ask(self, query: str, **variables: str) -> dict[str, Any]:
        request = urllib.request.Request(
            self._url,
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            body: dict[str, Any] = json.load(answer)
        if body.get("errors"):
            raise BenchmarkError(f"{self.kind}: {body['errors'][0]['message']}")
        data: dict[str, Any] = body["data"]
        return data
