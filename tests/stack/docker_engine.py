"""The docker command, as the tests need it."""

import json
import shutil
import socket
import subprocess
from ipaddress import ip_network
from typing import Any


def docker(*words: str, seconds: float = 60) -> str:
    """Run one docker command; its stdout. AssertionError with what it said if it fails."""
    done = subprocess.run(
        ["docker", *words], capture_output=True, text=True, timeout=seconds, check=False
    )
    assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr.strip()}"
    return done.stdout.strip()


def why_no_engine() -> str | None:
    """None where a Docker engine answers, else the reason in words."""
    if shutil.which("docker") is None:
        return "no docker command"
    try:
        docker("info", seconds=20)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        return f"no Docker engine answers ({str(error).splitlines()[-1]})"
    return None


def inspect(container: str) -> dict[str, Any]:
    """What the engine knows of a container."""
    (found,) = json.loads(docker("inspect", container))
    facts: dict[str, Any] = found
    return facts


def containers(*filters: str) -> list[str]:
    """Ids of all containers, stopped ones too, that fit every filter (`label=…`, `name=…`)."""
    words = [word for rule in filters for word in ("--filter", rule)]
    return docker("ps", "--all", "--quiet", "--no-trunc", *words).split()


def bridge_gateway() -> str:
    """The address under which containers of any bridge network reach this host."""
    # The engine doesn't always tell the gateway: this host's own address in the network is it.
    subnet = docker("network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Subnet}}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((str(next(ip_network(subnet).hosts()) + 1), 9))
        return str(probe.getsockname()[0])


def left_of(project: str) -> list[str]:
    """Everything in the engine that carries a project's name: containers to image tags."""
    own = {
        "container": [
            *docker("ps", "-a", "--filter", f"label=assay.project={project}", "-q").split(),
            *docker(
                "ps", "-a", "--filter", f"label=com.docker.compose.project={project}", "-q"
            ).split(),
        ],
        "volume": docker("volume", "ls", "-q", "--filter", f"name={project}_").split(),
        "network": docker(
            "network", "ls", "--format", "{{.Name}}", "--filter", f"name={project}_"
        ).split(),
        "image": [
            tag
            for tag in docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
            if project in tag
        ],
    }
    return sorted({f"{kind} {name}" for kind, names in own.items() for name in names})


def sweep(project: str) -> None:
    """Remove whatever `left_of` finds, in the order in which the engine lets go of it."""
    for kind in ("container", "volume", "network", "image"):
        for thing in left_of(project):
            found, _, name = thing.partition(" ")
            if found == kind:
                force = [] if kind == "network" else ["--force"]
                subprocess.run(["docker", kind, "rm", *force, name], check=False, timeout=60)


def throttle(container: str, cpus: float) -> None:
    """Give a running container this share of the CPUs: how a test makes any run a slow one."""
    docker("update", "--cpus", f"{cpus:g}", container)
