"""Tiny images and a throw-away project on the real Docker engine, for tests of what we do to it.

The images hold this host's shell and a few of its tools, so that no registry is needed; a script
called `dagster` stands in for a run.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import docker
import docker.errors

TOOLS = ("sh", "sleep", "cat", "env")
FOLDERS = ("data", "quarantine", "reports", "compute_logs", "landing", "contracts")


def engine_lacks() -> str | None:
    """Why tests of the engine can't run here, or None if they can."""
    if not Path("/proc/self").exists():
        return "the tiny test images are made of this host's Linux binaries"
    try:
        docker.from_env(timeout=5).ping()
    except (docker.errors.DockerException, OSError) as error:
        return f"no Docker engine answers ({type(error).__name__})"
    return None


@dataclass
class Playground:
    """A project of its own on the engine. `remove` takes away all that was made under its name."""

    client: docker.DockerClient
    project: str = field(default_factory=lambda: f"assaytest{uuid.uuid4().hex[:8]}")
    _made: dict[str, str] = field(default_factory=dict)

    def make_network(self) -> None:
        """The network that run containers join, cut off from the world."""
        self.client.networks.create(f"{self.project}_runs", internal=True)

    def image(self, name: str, run_script: str) -> str:
        """Build an image whose `dagster` is `run_script`, once for each name; returns its tag."""
        repository = f"{self.project}/tiny"
        # A second one of the same name would leave the first without any, to be found by nobody.
        if self._made.setdefault(name, run_script) != run_script:
            raise ValueError(f"there is another image {name} already")
        if self.client.images.list(name=f"{repository}:{name}"):
            return f"{repository}:{name}"
        raw = self.client.api.import_image_from_data(
            _root_filesystem(run_script), repository=repository, tag=name
        )
        assert "error" not in str(raw), raw
        return f"{repository}:{name}"

    def remove(self) -> None:
        """Remove this project's containers, volumes, network and images."""
        for container in self.client.containers.list(
            all=True, filters={"label": f"assay.project={self.project}"}
        ):
            container.remove(force=True, v=True)
        for folder in (*FOLDERS, "secret_run"):
            with suppress(docker.errors.NotFound):
                self.client.volumes.get(f"{self.project}_{folder}").remove()
        with suppress(docker.errors.NotFound):
            self.client.networks.get(f"{self.project}_runs").remove()
        for image in self.client.images.list(name=f"{self.project}/tiny"):
            self.client.images.remove(image.id, force=True)


def _root_filesystem(run_script: str) -> bytes:
    paths = {}
    for tool in TOOLS:
        binary = Path(shutil.which(tool) or f"/bin/{tool}")
        paths[f"bin/{tool}"] = binary
        listed = subprocess.run(["ldd", binary], capture_output=True, text=True).stdout
        for library in re.findall(r"(/\S+) \(0x", listed):
            paths[library.lstrip("/")] = Path(library)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, path in paths.items():
            tar.add(path.resolve(), arcname=name)
        script = f"#!/bin/sh\n{run_script}\n".encode()
        member = tarfile.TarInfo("bin/dagster")
        member.mode, member.size = 0o755, len(script)
        tar.addfile(member, io.BytesIO(script))
    return buffer.getvalue()
