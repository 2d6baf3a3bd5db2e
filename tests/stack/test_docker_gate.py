"""What can be had of the engine from inside the services."""

import json

import pytest
from assay_stack import AssayStack
from docker_engine import containers, docker

ATTEMPTS = """
import json, os, docker, docker.errors

def attempt(ask):
    try:
        return f"got {ask()}"
    except docker.errors.APIError as error:
        return error.status_code

client = docker.from_env()
print(json.dumps({
    "uid": os.getuid(),
    "the engine's socket": os.path.exists("/var/run/docker.sock"),
    "sockets": os.listdir("/run/assay-gate"),
    "privileged": attempt(lambda: client.containers.create("IMAGE", privileged=True)),
    "the host's root": attempt(lambda: client.containers.create("IMAGE", volumes=["/:/host"])),
    "another command": attempt(lambda: client.containers.create("IMAGE", ["id"])),
    "postgres": attempt(lambda: client.containers.get("POSTGRES")),
    "stop postgres": attempt(lambda: client.api.stop("POSTGRES")),
    "a pull": attempt(lambda: client.images.pull("IMAGE")),
    "volumes": attempt(client.volumes.list),
    "about the engine": attempt(client.info),
}))
"""


@pytest.mark.parametrize("service", ["daemon", "webserver"])
def test_a_taken_over_service_is_not_root_on_the_host(assay: AssayStack, service: str) -> None:
    before = len(containers("label=assay.kind=run", f"label=assay.project={assay.project}"))
    attempts = ATTEMPTS.replace("IMAGE", assay.setting("ASSAY_USER_CODE_IMAGE")).replace(
        "POSTGRES", str(assay.service("postgres")["Id"])
    )
    found = json.loads(docker("exec", str(assay.service(service)["Id"]), "python", "-c", attempts))
    assert found.pop("uid") == 10001
    assert found.pop("the engine's socket") is False
    assert found.pop("sockets") == [f"{service}.sock"]
    assert {name: status for name, status in found.items() if status not in (403, 404)} == {}
    assert assay.service("postgres")["State"]["Running"]
    assert len(containers("label=assay.kind=run", f"label=assay.project={assay.project}")) == before
