"""What docker_gate adds to a launch: `python launch_path.py ENGINE GATE PROJECT IMAGE ROUNDS`.

Runs inside a container of the dagster image, which reaches both sockets. A launch is what Dagster's
launcher does for each run: a new client, which asks for the version, then create, look, start; and
one look more, as the run's monitoring takes it. Prints JSON: for `direct` and `gate` the seconds of
each launch, in their order.
"""

from __future__ import annotations

import json
import sys
import time
import uuid

import docker

from control_plane.launcher import container_context
from control_plane.settings import settings


def launch(socket: str, project: str, image: str) -> float:
    """Seconds of one launch by `socket`. The container, which ends at once, is removed untimed."""
    context = container_context(settings({"ASSAY_PROJECT": project}))
    arguments = dict(context.container_kwargs)
    arguments.pop("stop_timeout")
    run_id = str(uuid.uuid4())
    labels = {"dagster/run_id": run_id, "dagster/job_name": "noop"}
    command = json.dumps({"__class__": "ExecuteRunArgs", "pipeline_run_id": run_id})
    began = time.perf_counter()
    client = docker.DockerClient(base_url=f"unix://{socket}")
    container = client.containers.create(
        image,
        ["dagster", "api", "execute_run", command],
        detach=True,
        environment=dict(line.split("=", 1) for line in context.env_vars),
        network=context.networks[0],
        **{**arguments, "labels": arguments["labels"] | labels},
    )
    container.start()
    container.reload()
    seconds = time.perf_counter() - began
    container.wait(timeout=60)
    client.api.remove_container(container.id, v=True)
    client.close()
    return seconds


def main() -> None:
    """Launch by each socket in turn, whichever is first; a first pair, untimed, warms up both."""
    engine, gate, project, image, rounds = sys.argv[1:]
    sockets = {"direct": engine, "gate": gate}
    seconds: dict[str, list[float]] = {way: [] for way in sockets}
    for number in range(int(rounds) + 1):
        for way in sorted(sockets, reverse=bool(number % 2)):
            took = launch(sockets[way], project, image)
            if number:
                seconds[way].append(took)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
