"""What a run's container may be, in this project."""

from __future__ import annotations

import re
from dataclasses import dataclass

from control_plane.container_labels import KIND_LABEL, PROJECT_LABEL
from control_plane.settings import RUN_ENVIRONMENT, SECRETS, Settings

# Names of variables that a run may be told; the last two are of Polars and of Dagster's launcher.
ENVIRONMENT = frozenset({*RUN_ENVIRONMENT, "POLARS_MAX_THREADS", "DAGSTER_RUN_JOB_NAME"})

VOLUMES = {
    "data": "rw",
    "quarantine": "rw",
    "reports": "rw",
    "compute_logs": "rw",
    "landing": "ro",
    "contracts": "ro",
}

# The volume with the secrets of runs; other readers have others.
RUN_SECRETS = "secret_run"

# The user of both images.
USER = "10001:10001"
# The egress proxy, by its service's name.
EGRESS = "egress:3128"
PIDS = 1024
# The engine's own lower limit.
LEAST_MEMORY = 6 * 2**20
LEAST_NANO_CPUS = 10_000_000

_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_FOLDER = re.compile(r"(/[A-Za-z0-9_-]+)+")


@dataclass(frozen=True)
class Policy:
    """The project, where its volumes are mounted, and the most that a run may ask for."""

    project: str
    root: str
    most_memory: int
    most_nano_cpus: int
    outside_jobs: frozenset[str] = frozenset()

    @property
    def network(self) -> str:
        """The network of runs: Postgres is on it, and nothing else."""
        return f"{self.project}_runs"

    @property
    def outside_network(self) -> str:
        """What an outside run joins besides: the egress proxy is on it, and nothing else."""
        return f"{self.project}_outside_runs"

    @property
    def outside_environment(self) -> list[str]:
        """How programs in an outside run find the proxy; Postgres is reached without it."""
        proxy = f"http://{EGRESS}"
        names = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
        return [
            *(f"{name}={proxy}" for name in names),
            *(f"{name}=postgres,localhost,127.0.0.1" for name in ("NO_PROXY", "no_proxy")),
        ]

    @property
    def image_repository(self) -> str:
        """Where deployed user code is tagged."""
        return f"{self.project}/user_code"

    @property
    def binds(self) -> list[str]:
        """The named volumes, at their places, with their modes; a run's secrets among them."""
        return [
            *(f"{self.project}_{name}:{self.root}/{name}:{mode}" for name, mode in VOLUMES.items()),
            f"{self.project}_{RUN_SECRETS}:{SECRETS}:ro",
        ]

    @property
    def labels(self) -> dict[str, str]:
        """By these a container is known as a run of this project."""
        return {PROJECT_LABEL: self.project, KIND_LABEL: "run"}


def policy(here: Settings) -> Policy:
    """The policy that the environment gives. ValueError if a name in it could be a trick."""
    if _PROJECT.fullmatch(here.project) is None:
        raise ValueError(f"ASSAY_PROJECT={here.project!r}: use small letters, digits, - and _")
    if _FOLDER.fullmatch(here.root) is None:
        raise ValueError(f"ASSAY_ROOT={here.root!r} is not a plain absolute path")
    return Policy(
        here.project,
        here.root,
        here.most_run_memory_bytes(),
        round(here.run_cpus_most * 1_000_000_000),
        here.outside_jobs,
    )
