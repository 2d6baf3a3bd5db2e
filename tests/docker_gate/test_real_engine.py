"""The gate before a real engine: what a run is made of there, and what it will not do."""

from __future__ import annotations

import json
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import docker.errors
import pytest

from control_plane.docker_gate.engine import Engine
from control_plane.docker_gate.gate import Gate
from control_plane.docker_gate.policy import RUN_SECRETS, VOLUMES, Policy, policy
from control_plane.docker_gate.server import GateServer
from control_plane.docker_gate.sockets import ENGINE
from control_plane.launcher import container_context
from control_plane.reaper import reap
from control_plane.settings import settings
from tests.control_plane.docker_playground import _root_filesystem, engine_lacks
from tests.docker_gate.run_request import RUN_ID


def _why_not() -> str | None:
    return engine_lacks() or (
        None if Path(ENGINE).is_socket() else f"the engine is not at {ENGINE}"
    )


pytestmark = pytest.mark.skipif(bool(_why_not()), reason=_why_not() or "")

PROJECT = f"assaytest{uuid.uuid4().hex[:8]}"
IMAGE = f"{PROJECT}/user_code:v1"
# Of the image: a run's command is handed to it.
ENTRY_POINT = '["env", "THROUGH=entry-point"]'
SLEEPS = "trap 'exit 0' TERM; echo started $THROUGH; while :; do sleep 0.1; done"


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    """The engine itself, with an image, a network and a foreign container of this test's own."""
    client = docker.from_env()
    image_labels = {
        IMAGE: f"LABEL assay.project={PROJECT} assay.kind=user_code\nENTRYPOINT {ENTRY_POINT}",
        f"{PROJECT}/user_code:unlabelled": "LABEL a=b",
        f"{PROJECT}/foreign:v1": f"LABEL assay.project={PROJECT} assay.kind=user_code",
    }
    try:
        client.networks.create(f"{PROJECT}_runs", internal=True)
        client.networks.create(f"{PROJECT}_control", internal=True)
        for image, label in image_labels.items():
            repository, tag = image.split(":")
            said = client.api.import_image_from_data(
                _root_filesystem(SLEEPS),
                repository=repository,
                tag=tag,
                changes=label.splitlines(),
            )
            assert "error" not in str(said), said
        yield client
    finally:
        for container in client.containers.list(
            all=True, filters={"label": f"assay.project={PROJECT}"}
        ):
            container.remove(force=True, v=True)
        for name in (*VOLUMES, RUN_SECRETS):
            with suppress(docker.errors.NotFound):
                client.volumes.get(f"{PROJECT}_{name}").remove()
        for name in ("runs", "control"):
            with suppress(docker.errors.NotFound):
                client.networks.get(f"{PROJECT}_{name}").remove()
        for image in image_labels:
            with suppress(docker.errors.NotFound):
                client.images.remove(image, force=True)


@pytest.fixture(scope="module")
def here() -> Policy:
    """The policy of this test's project."""
    return policy(settings(ENVIRONMENT))


ENVIRONMENT = {
    "ASSAY_PROJECT": PROJECT,
    "ASSAY_RUN_MEMORY": "64m",
    "ASSAY_RUN_CPUS": "0.5",
    "ASSAY_PG_HOST": "postgres",
    "ASSAY_ALERT_URLS": "json://not-for-runs",
}


@pytest.fixture(scope="module")
def through(engine: docker.DockerClient, here: Policy) -> Iterator[docker.DockerClient]:
    """docker-py through a gate in front of the engine, as the daemon."""
    with tempfile.TemporaryDirectory(prefix="gate") as folder:
        path = Path(folder) / "daemon.sock"
        server = GateServer(path, "daemon", Gate(Engine(ENGINE), here), lambda _: None)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        client = docker.DockerClient(base_url=f"unix://{path}")
        yield client
        client.close()
        server.shutdown()
        server.server_close()


def create(client: docker.DockerClient, run_id: str | None = None, **changes: Any) -> Any:
    """Create a run's container as Dagster's launcher does, from the launcher's own context."""
    context = container_context(settings(ENVIRONMENT))
    arguments = dict(context.container_kwargs)
    arguments.pop("stop_timeout")
    run_id = run_id or str(uuid.uuid4())
    wanted = {
        "image": IMAGE,
        "command": [
            *("dagster", "api", "execute_run"),
            json.dumps({"__class__": "ExecuteRunArgs", "pipeline_run_id": run_id}),
        ],
        "detach": True,
        "environment": dict(line.split("=", 1) for line in context.env_vars)
        | {"DAGSTER_RUN_JOB_NAME": "a_job"},
        "network": context.networks[0],
        **arguments,
        "labels": arguments["labels"] | {"dagster/run_id": run_id, "dagster/job_name": "a_job"},
        **changes,
    }
    return client.containers.create(**wanted)


def test_a_run_lives_and_ends_through_the_gate(
    through: docker.DockerClient, engine: docker.DockerClient
) -> None:
    container = create(through, RUN_ID)
    container.start()
    container.reload()
    assert (container.status, container.name) == ("running", f"{PROJECT}-run-a_job-12345678")
    known = engine.containers.get(container.id).attrs
    host, config = known["HostConfig"], known["Config"]
    assert host["Privileged"] is False
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"]) == (2**26, 2**26, 500_000_000)
    assert host["PidsLimit"] == 1024
    assert list(host["Tmpfs"]) == ["/tmp"]
    assert config["User"] == "10001:10001"
    assert "ASSAY_PG_HOST=postgres" in config["Env"]
    assert "not-for-runs" not in str(known)
    assert list(known["NetworkSettings"]["Networks"]) == [f"{PROJECT}_runs"]
    assert {(m["Name"], m["RW"]) for m in known["Mounts"]} == {
        (f"{PROJECT}_{name}", mode == "rw") for name, mode in {**VOLUMES, RUN_SECRETS: "ro"}.items()
    }
    # The same run again: the engine has a container of that name.
    with pytest.raises(docker.errors.APIError) as twice:
        create(through, RUN_ID)
    assert twice.value.status_code == 409
    deadline = time.monotonic() + 20
    while b"started entry-point" not in container.logs(tail=30):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    container.stop(timeout=20)
    assert container.wait(timeout=30)["StatusCode"] == 0
    through.api.remove_container(container.id, v=True)
    with pytest.raises(docker.errors.NotFound):
        engine.containers.get(container.id)


def test_the_reaper_works_through_the_gate(through: docker.DockerClient) -> None:
    container = create(through)
    container.start()
    run_id = container.labels["dagster/run_id"]
    assert reap(through, PROJECT, lambda _: None).killed == ()
    assert reap(through, PROJECT, lambda _: 0.0).killed == (run_id,)
    container.wait(timeout=30)
    assert reap(through, PROJECT, lambda _: 0.0, keep_seconds=-5).removed == (run_id,)


REFUSED: dict[str, dict[str, Any]] = {
    "privileged": {"privileged": True},
    "the host's root": {"volumes": {"/": {"bind": "/host", "mode": "rw"}}},
    "the engine's socket": {"volumes": [f"{ENGINE}:{ENGINE}"]},
    "a foreign image": {"image": f"{PROJECT}/foreign:v1"},
    "an image without the label": {"image": f"{PROJECT}/user_code:unlabelled"},
    "a foreign network": {"network": f"{PROJECT}_control"},
    "the host's network": {"network": None, "network_mode": "host"},
    "the host's PIDs": {"pid_mode": "host"},
    "a capability": {"cap_add": ["SYS_ADMIN"]},
    "another command": {"command": ["sh", "-c", "id"]},
    "another entry point": {"entrypoint": ["sh"]},
    "root": {"user": "0"},
    "a variable that loads code": {"environment": {"LD_PRELOAD": "/assay/data/x.so"}},
    "the host's IPC": {"ipc_mode": "host"},
    "the host's name": {"uts_mode": "host"},
    "another container's PIDs": {"pid_mode": "container:postgres"},
    "a cgroup parent": {"cgroup_parent": "/system.slice"},
    "a device": {"devices": ["/dev/null:/dev/x:rwm"]},
    "a huge number": {"mem_limit": 2**62, "memswap_limit": 2**62},
    "more memory": {"mem_limit": "65m", "memswap_limit": "65m"},
}


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_a_runs_is_refused_and_makes_no_container(
    through: docker.DockerClient, engine: docker.DockerClient, changes: dict[str, Any]
) -> None:
    before = {one.id for one in engine.containers.list(all=True, ignore_removed=True)}
    with pytest.raises(docker.errors.APIError) as refused:
        create(through, **changes)
    assert refused.value.status_code == 403
    assert refused.value.explanation.startswith("docker_gate: ")
    label = {"label": f"assay.project={PROJECT}"}
    assert {
        one.id for one in engine.containers.list(all=True, filters=label, ignore_removed=True)
    } <= before


@pytest.mark.parametrize(
    "attempt",
    [
        lambda client, container: client.containers.get(container),
        lambda client, container: client.api.start(container),
        lambda client, container: client.api.stop(container),
        lambda client, container: client.api.kill(container),
        lambda client, container: client.api.logs(container),
        lambda client, container: client.api.remove_container(container),
    ],
    ids=["inspect", "start", "stop", "kill", "logs", "remove"],
)
def test_a_foreign_container_does_not_exist(
    through: docker.DockerClient,
    engine: docker.DockerClient,
    attempt: Callable[[docker.DockerClient, str], object],
) -> None:
    foreign = engine.containers.create(
        f"{PROJECT}/foreign:v1", ["sh"], labels={"assay.project": PROJECT}
    )
    try:
        with pytest.raises(docker.errors.APIError) as refused:
            attempt(through, foreign.id)
        assert refused.value.status_code in (403, 404)
        assert foreign.id not in [c["Id"] for c in through.api.containers(all=True)]
        foreign.reload()
        assert foreign.status == "created"
    finally:
        foreign.remove()
