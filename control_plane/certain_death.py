"""A run's containers, made sure to be dead before the run is failed or done again.

A container that is paused, slow to start or out of sight would go on with its run beside the retry.
"""

from __future__ import annotations

import docker
import docker.errors
from docker.models.containers import Container

from control_plane.container_labels import KIND_LABEL, PROJECT_LABEL, RUN_ID_LABEL

ENDED = ("exited", "dead")
# What a container gets to note its end before it is killed.
STOP_SECONDS = 20


class StillAliveError(Exception):
    """A container could not be ended: its run must be left as it is until it can."""


def end_containers(client: docker.DockerClient, project: str, run_id: str) -> list[str]:
    """End all containers of a run, whatever its record says of them; the names of those ended.

    One that was never started is removed, so that nobody starts it. Raises StillAliveError, or
    docker.errors.DockerException if the engine is away: then nothing is certain.
    """
    labels = [f"{PROJECT_LABEL}={project}", f"{KIND_LABEL}=run", RUN_ID_LABEL]
    ended = []
    for summary in client.api.containers(all=True, filters={"label": labels}):
        if summary["Labels"][RUN_ID_LABEL] != run_id or summary["State"] in ENDED:
            continue
        try:
            container = client.containers.get(summary["Id"])
            _end(container)
        except docker.errors.NotFound:
            continue
        ended.append(container.name or summary["Id"])
    return ended


def _end(container: Container) -> None:
    try:
        if container.status == "created":
            container.remove(v=True)
            return
        if container.status == "running":
            container.stop(timeout=STOP_SECONDS)
        else:
            container.kill()
        container.wait(timeout=60)
    except docker.errors.NotFound:
        return
    except docker.errors.APIError as error:
        # It may have ended in this very moment; below we look.
        reason = str(error.explanation)
    else:
        reason = "it was told to"
    container.reload()
    if container.status not in ENDED:
        raise StillAliveError(
            f"The container {container.name} is {container.status} and does not end: {reason}"
        )
