"""One container for each run, made from the platform's settings and from nothing else.

Dagster's own launcher takes networks, volumes and limits from dagster.yaml, which cannot read them
from the environment, and lets the code location add to them: a code server that asks for
`privileged` gets it. This one takes all of it from the environment of the process that launches
(the daemon; the webserver only to cancel), and ignores what the code location asks for. A run's
tags choose within the limits that the environment sets: `control_plane.run_wishes`.

dagster.yaml names it without any configuration:

    run_launcher:
      module: control_plane.launcher
      class: AssayRunLauncher

A finished container is kept, as evidence; `control_plane.reaper` removes it a day later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil
from typing import Any, ClassVar

import docker
import docker.errors
from dagster import DagsterRun
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._core.storage.tags import MAX_RETRIES_TAG, MAX_RUNTIME_SECONDS_TAG
from dagster._serdes import ConfigurableClassData
from dagster_docker import DockerRunLauncher
from dagster_docker.container_context import DockerContainerContext
from docker.models.containers import Container
from docker.types import LogConfig

from control_plane.certain_death import ENDED, STOP_SECONDS, end_containers
from control_plane.container_labels import (
    KIND_LABEL,
    NETWORK_LABEL,
    OUTSIDE,
    PARTITION_LABEL,
    PROJECT_LABEL,
    RUN_ID_LABEL,
)
from control_plane.crash_evidence import crash_evidence
from control_plane.run_wishes import (
    RunTagError,
    RunWishes,
    default_wishes,
    partition_name,
    run_wishes,
)
from control_plane.settings import SECRETS, Settings, settings

WRITABLE_FOLDERS = ("data", "quarantine", "reports", "compute_logs")
READ_ONLY_FOLDERS = ("landing", "contracts")

# A run that forks without end must not take the host with it.
PIDS_LIMIT = 1024


class RunContainerError(Exception):
    """A run's container could not be made; the message says what to do."""


class AssayRunLauncher(DockerRunLauncher):
    """DockerRunLauncher whose containers are the same whatever the code location asks for.

    `may_launch` is called before each launch: the daemon ends itself in it if it is no longer the
    only one.
    """

    may_launch: ClassVar[Callable[[AssayRunLauncher], object]] = lambda _: None

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(inst_data=inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """No configuration: everything comes from the environment."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> AssayRunLauncher:
        """The launcher for an instance; `config_value` is empty."""
        return cls(inst_data=inst_data, **config_value)

    def get_container_context(
        self,
        dagster_run: DagsterRun,
    ) -> DockerContainerContext:
        """What the container is made of: the settings, and the run's tags as far as they may."""
        here = settings()
        try:
            wishes = run_wishes(dagster_run.tags, dagster_run.job_name, here)
        except RunTagError:
            # Its launch was refused: this is somebody who only wants to look for the container.
            wishes = default_wishes(here)
        return container_context(here, wishes, partition_name(dagster_run.tags))

    def _get_docker_image(self, job_code_origin: Any) -> str:
        # The image that the run was queued with. A code server that doesn't say its image is a
        # stock one: the deployed image is the best guess.
        self.image = settings().user_code_image or None
        image: str = super()._get_docker_image(job_code_origin)  # type: ignore[no-untyped-call]
        return image

    def launch_run(self, context: LaunchRunContext) -> None:
        """As upstream, for a run whose tags ask for nothing that it may not have."""
        run = context.dagster_run
        try:
            wishes = run_wishes(run.tags, run.job_name, settings())
        except RunTagError as error:
            self._never_again(run)
            raise RunContainerError(str(error)) from error
        if wishes.timeout is not None:
            # Dagster's monitoring ends a run by this tag.
            timeout = {MAX_RUNTIME_SECONDS_TAG: str(wishes.timeout)}
            self._instance.add_run_tags(run.run_id, timeout)
        parent = run.parent_run_id and self._instance.get_run_by_id(run.parent_run_id)
        if parent and parent.is_finished:
            # However it was called failed (a timeout while the engine was away): it is over now.
            self.make_sure_dead(parent)
        self.may_launch()
        super().launch_run(context)

    def make_sure_dead(self, run: DagsterRun) -> list[str]:
        """End all containers of `run`; names of those that lived. Raises if that is uncertain."""
        client = docker.from_env()
        try:
            return end_containers(client, settings().project, run.run_id)
        finally:
            client.close()

    def _never_again(self, run: DagsterRun) -> None:
        """Nobody becomes allowed by asking twice."""
        self._instance.add_run_tags(run.run_id, {MAX_RETRIES_TAG: "0"})

    def _launch_container_with_command(
        self, run: DagsterRun, docker_image: str, command: Sequence[str]
    ) -> None:
        try:
            super()._launch_container_with_command(  # type: ignore[no-untyped-call]
                run, docker_image, command
            )
        except docker.errors.APIError as error:
            # Upstream pulls an image that is not there: its absence is behind what the pull says.
            if any(isinstance(e, docker.errors.ImageNotFound) for e in _what_led_to(error)):
                raise RunContainerError(
                    f"The image {docker_image} is not on this host and could not be pulled: it was "
                    "removed since the run was queued. Launch the run anew from the UI: it takes "
                    "the deployed image."
                ) from error
            if isinstance(error, docker.errors.NotFound):
                raise RunContainerError(
                    f"The engine lacks what the run's container needs: {error.explanation}. "
                    "`make up` makes the networks and volumes."
                ) from error
            if error.status_code == 403:
                self._never_again(run)
                raise RunContainerError(
                    f"The run's container was refused. {error.explanation}"
                ) from error
            raise

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """As upstream, but whatever container the run has is dead before the run is called failed.

        A paused one would wake up and go on with a run that has been retried since; one that the
        run's record does not know would go on anyway. If the engine does not answer, or the
        container cannot be ended, this raises, and the run is left as it is until the next look.
        """
        container = self._get_container(run)
        if container is not None and container.status in ("running", *ENDED):
            health: CheckRunHealthResult = super().check_run_worker_health(run)
            return health
        found = f"was {container.status}" if container is not None else "could not be found"
        ended = self.make_sure_dead(run)
        return CheckRunHealthResult(
            WorkerStatus.FAILED if container is not None else WorkerStatus.NOT_FOUND,
            msg=f"The run's container {found}"
            + (f"; ended to be sure: {', '.join(ended)}." if ended else "."),
        )

    def has_ended(self, run: DagsterRun) -> bool:
        """Whether the run had a container that has ended and is still there to be looked at."""
        container = self._get_container(run)
        return container is not None and container.status in ENDED

    def get_run_worker_debug_info(
        self,
        run: DagsterRun,
        include_container_logs: bool | None = True,  # noqa: ARG002
    ) -> str | None:
        """How the container ended, and the last lines it wrote; None if it is gone.

        The lines are given even if upstream does not ask for them: a crash of the interpreter
        or at boot leaves no other trace.
        """
        container = self._get_container(run)
        if container is None:
            return None
        return crash_evidence(container)

    def _get_container(self, run: DagsterRun) -> Container | None:
        # A retry begins with its parent's tags, the id of the parent's container among them. Until
        # it has its own it has none: or it would be called dead with its parent, and go on.
        container: Container | None = super()._get_container(run)  # type: ignore[no-untyped-call]
        if container is None or container.labels.get(RUN_ID_LABEL) != run.run_id:
            return None
        return container


def container_context(
    here: Settings, wishes: RunWishes | None = None, partition: str = ""
) -> DockerContainerContext:
    """Network, environment, volumes, limits and labels of every run container of this Assay.

    `control_plane.docker_gate` makes the container from what it allows itself, and refuses a
    request for anything else: what is new here must be allowed there first.
    """
    volumes = {
        f"{here.project}_{name}": {"bind": f"{here.root}/{name}", "mode": mode}
        for names, mode in ((WRITABLE_FOLDERS, "rw"), (READ_ONLY_FOLDERS, "ro"))
        for name in names
    }
    volumes[f"{here.project}_secret_run"] = {"bind": SECRETS, "mode": "ro"}
    wishes = wishes or default_wishes(here)
    # Polars counts the host's cores, not the container's share of them.
    environment = here.run_environment() | {"POLARS_MAX_THREADS": str(ceil(wishes.cpus))}
    labels = {PROJECT_LABEL: here.project, KIND_LABEL: "run"}
    if partition:
        labels[PARTITION_LABEL] = partition
    if wishes.outside:
        labels[NETWORK_LABEL] = OUTSIDE
    return DockerContainerContext(
        env_vars=[f"{name}={value}" for name, value in environment.items()],
        networks=[f"{here.project}_runs"],
        container_kwargs={
            "volumes": volumes,
            "mem_limit": wishes.memory,
            "memswap_limit": wishes.memory,  # the same number means: no swap
            "nano_cpus": round(wishes.cpus * 1_000_000_000),
            "pids_limit": PIDS_LIMIT,
            # A run writes into its volumes. What it puts into /tmp counts as its memory.
            "read_only": True,
            "tmpfs": {"/tmp": "rw,nosuid,nodev,noexec,size=1g,mode=1777"},  # noqa: S108
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "labels": labels,
            "log_config": LogConfig(type="json-file", config={"max-size": "10m", "max-file": "2"}),
            "stop_timeout": STOP_SECONDS,
        },
    )


def _what_led_to(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__context__
