"""The benchmark's own containers, network and image on the Docker engine."""

from __future__ import annotations

import io
import tarfile
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import docker.errors
from docker.models.containers import Container

HERE = Path(__file__).parent
LABEL = "assay.benchmark"
SECRETS = "/run/assay-secrets"
SOCKET = {"/var/run/docker.sock": {"bind": "/var/run/docker.sock", "mode": "rw"}}


class BenchmarkError(Exception):
    """The benchmark cannot be run; the message says what to do."""


class Engine:
    """A throw-away project. As a context manager it removes all that was made."""

    def __init__(self, images: Mapping[str, str]) -> None:
        """`images`: dagster, user_code, postgres → name. BenchmarkError if one is missing."""
        try:
            self.client = docker.from_env(timeout=120)
            for name in images.values():
                self.client.images.get(name)
        except docker.errors.ImageNotFound as error:
            raise BenchmarkError(
                f"an image is missing ({error.explanation}): `make up` builds all of them"
            ) from error
        except docker.errors.DockerException as error:
            raise BenchmarkError(f"no Docker engine answers: {error}") from error
        self.images = dict(images)
        self.project = f"assaybench{uuid.uuid4().hex[:6]}"
        self.network = f"{self.project}_runs"
        self.secrets = f"{self.project}_secret_run"  # as our launcher mounts it

    def __enter__(self) -> Engine:
        self.client.networks.create(self.network, labels={LABEL: self.project})
        try:
            self.images["noop"] = self._noop_image()
            self.images["ends_at_once"] = self._image_that_ends_at_once()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        for label in (f"{LABEL}={self.project}", f"assay.project={self.project}"):
            for container in self.client.containers.list(all=True, filters={"label": label}):
                with suppress(docker.errors.APIError):
                    container.remove(force=True, v=True)
        # Run containers of the example have no label of ours, but our image.
        noop = self.images.get("noop")
        for container in (
            self.client.containers.list(all=True, filters={"ancestor": noop}) if noop else []
        ):
            with suppress(docker.errors.APIError):
                container.remove(force=True, v=True)
        for volume in self.client.volumes.list(filters={"name": f"{self.project}_"}):
            volume.remove(force=True)
        self.client.networks.get(self.network).remove()
        for name in ("ends_at_once", "noop"):
            if name in self.images:
                self.client.images.remove(self.images[name], force=True)

    def start(
        self,
        image: str,
        command: Sequence[str] | None,
        environment: Mapping[str, str],
        *,
        alias: str = "",
        files: Mapping[str, Path] | None = None,
        socket: bool = False,
        port: int | None = None,
        volumes: Mapping[str, str] | None = None,
    ) -> Container:
        """Start a container of `image` (a key of `images`).

        `alias`: its name on the network; `files`: path in the container → file to put there;
        `socket`: root with the engine's socket; `port`: published on a free loopback port;
        `volumes`: name, to which the project's is put before → where it is mounted.
        """
        container = self.client.containers.create(
            self.images[image],
            command and list(command),
            environment=dict(environment),
            labels={LABEL: self.project},
            volumes={
                **(SOCKET if socket else {}),
                self.secrets: {"bind": SECRETS, "mode": "ro"},
                **{
                    f"{self.project}_{name}": {"bind": place, "mode": "rw"}
                    for name, place in (volumes or {}).items()
                },
            },
            user="root" if socket else None,
            ports={f"{port}/tcp": ("127.0.0.1", None)} if port else {},
        )
        self.client.networks.get(self.network).connect(container, aliases=[alias or "client"])
        for target, source in (files or {}).items():
            container.put_archive(str(Path(target).parent), _tar({Path(target).name: source}))
        container.start()
        return container

    def write_password_file(self, line: str) -> None:
        """The password file that every container finds at `SECRETS`, runs included."""
        member = tarfile.TarInfo("pgpass")
        member.mode, member.uid, member.size = 0o600, 10001, len(line)
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            tar.addfile(member, io.BytesIO(line.encode()))
        container = self.client.containers.create(
            self.images["user_code"],
            labels={LABEL: self.project},
            volumes={self.secrets: {"bind": SECRETS, "mode": "rw"}},
        )
        container.put_archive(SECRETS, buffer.getvalue())
        container.remove()

    def run_to_end(
        self,
        image: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        files: Mapping[str, Path] | None = None,
        *,
        seconds: float = 300,
        **given: Any,
    ) -> str:
        """Run a container to its end; what it printed. BenchmarkError if it fails.

        `seconds`: the most that it may take; `given`: as for `start`.
        """
        container = self.start(image, command, environment, files=files, **given)
        code = container.wait(timeout=seconds)["StatusCode"]
        output = container.logs().decode(errors="replace")
        container.remove()
        if code:
            raise BenchmarkError(f"{' '.join(command)} ended with {code}: {output[-1500:]}")
        return output

    def time_bare(self, command: Sequence[str]) -> float:
        """Seconds from the create request to the end of a container that does `command` alone.

        The image, the network and the limits are those of a run's container.
        """
        began = time.monotonic()
        container = self.client.containers.create(
            self.images["noop"],
            list(command),
            labels={LABEL: self.project},
            network=self.network,
            mem_limit="2g",
            nano_cpus=2_000_000_000,
        )
        container.start()
        code = container.wait(timeout=300)["StatusCode"]
        seconds = time.monotonic() - began
        if code:
            raise BenchmarkError(f"{command}: {container.logs(tail=20).decode(errors='replace')}")
        container.remove()
        return seconds

    def host_port(self, container: Container, port: int) -> int:
        """The loopback port under which `port` of `container` is published."""
        container.reload()
        return int(container.ports[f"{port}/tcp"][0]["HostPort"])

    def wait_until(self, container: Container, command: Sequence[str], seconds: float = 90) -> None:
        """Wait until `command` succeeds in `container`. BenchmarkError with its log if not."""
        deadline = time.monotonic() + seconds
        while container.exec_run(list(command)).exit_code:
            if time.monotonic() > deadline:
                log = container.logs(tail=30).decode(errors="replace")
                raise BenchmarkError(f"{' '.join(command)} does not succeed: {log}")
            time.sleep(0.5)

    def _noop_image(self) -> str:
        recipe = f"FROM {self.images['user_code']}\nCOPY noop_definitions.py /app/\n"
        recipe += "RUN python -c 'import noop_definitions'\n"
        return self._build("noop:1", recipe, {"noop_definitions.py": HERE / "noop_definitions.py"})

    def _image_that_ends_at_once(self) -> str:
        """Deployed user code in docker_gate's eyes, whose runs do nothing at all."""
        recipe = f"FROM {self.images['user_code']}\n"
        recipe += f"LABEL assay.project={self.project} assay.kind=user_code\n"
        recipe += 'ENTRYPOINT ["true"]\n'
        return self._build("user_code:ends-at-once", recipe, {})

    def _build(self, name: str, recipe: str, files: Mapping[str, Path]) -> str:
        tag = f"{self.project}/{name}"
        context = _tar(files, {"Dockerfile": recipe})
        self.client.images.build(fileobj=context, custom_context=True, tag=tag, rm=True)
        return tag


def _tar(files: Mapping[str, Path], texts: Mapping[str, str] | None = None) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        contents = {name: path.read_bytes() for name, path in files.items()}
        for name, content in {
            **contents,
            **{name: text.encode() for name, text in (texts or {}).items()},
        }.items():
            member = tarfile.TarInfo(name)
            member.mode, member.size = 0o644, len(content)
            tar.addfile(member, io.BytesIO(content))
    buffer.seek(0)
    return buffer
