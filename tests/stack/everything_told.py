"""All that people and the engine can read of an Assay without opening its data."""

import gzip
import json
import subprocess
import tarfile
import urllib.request
from collections.abc import Iterator
from typing import IO

from assay_stack import AssayStack
from docker_engine import containers, docker
from webhook import Webhook

BLOCK = 1 << 22
# Longer than whatever is searched for: a block begins with the end of the one before.
OVERLAP = 512
IMAGES = ("dagster:built", "user_code:built", "egress:built")


def everything_told(assay: AssayStack, webhook: Webhook) -> dict[str, str]:
    """By place: logs, records, labels, inspect output, what images say, alerts, metrics."""
    services = containers(*assay.services())
    runs = containers(f"label=assay.project={assay.project}", "label=assay.kind=run")
    told = {"alerts": json.dumps(webhook.bodies), "env file": assay.env_file.read_text()}
    for name in (*services, *runs):
        told[f"log of {name}"] = _output("docker", "logs", name)
        told[f"inspect of {name}"] = docker("inspect", name)
    for image in IMAGES:
        told[f"image {image}"] = docker("image", "inspect", f"{assay.project}/{image}") + docker(
            "history", "--no-trunc", f"{assay.project}/{image}"
        )
    for volume in ("compute_logs", "gateway_logs", "alerter"):
        told[f"volume {volume}"] = in_the_volume(assay, volume)
    told["Dagster's records"] = docker(
        "exec", str(assay.service("postgres")["Id"]), "pg_dump", "-U", "postgres", "dagster",
        seconds=240,
    )  # fmt: skip
    for (table,) in assay.psql("select tablename from pg_tables where schemaname = 'ops'"):
        told[f"table {table}"] = str(assay.psql(f"select * from ops.{table}"))
    for kind in ("network", "volume"):
        own = docker(kind, "ls", "--quiet", "--filter", f"name={assay.project}_").split()
        told[f"inspect of {kind}s"] = docker(kind, "inspect", *own)
    told["metrics"] = _metrics(assay)
    return told


def in_the_volume(assay: AssayStack, volume: str) -> str:
    """Every file's name and contents; AssertionError if there is none."""
    found = docker(
        "run", "--rm", "--network", "none", "--cap-drop", "ALL", "--user", "10001:10001",
        "--volume", f"{assay.project}_{volume}:/searched:ro", f"{assay.project}/dagster:built",
        "bash", "-euc", "find /searched -type f -print -exec cat {} +",
        seconds=240,
    )  # fmt: skip
    assert "/searched/" in found or volume == "alerter", f"nothing is in {volume}"
    return found


def image_layers(project: str) -> Iterator[tuple[str, bytes]]:
    """What the project's images are made of, in overlapping blocks, each with its file's name.

    A layer that images share comes once.
    """
    names = [f"{project}/{image}" for image in IMAGES]
    with subprocess.Popen(["docker", "save", *names], stdout=subprocess.PIPE) as saved:
        assert saved.stdout is not None
        yield from blocks_of(saved.stdout)
    assert saved.returncode == 0


def blocks_of(archive: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    """The contents of a tar stream's files, those in gzip unpacked. AssertionError on zstd."""
    with tarfile.open(fileobj=archive, mode="r|") as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isfile() else None
            if file is None:
                continue
            whole: IO[bytes] = file
            first = file.peek(4)  # type: ignore[attr-defined]
            assert not first.startswith(b"\x28\xb5\x2f\xfd"), f"{member.name}: zstd"
            if first.startswith(b"\x1f\x8b"):
                whole = gzip.GzipFile(fileobj=file)  # type: ignore[assignment]
            before = b""
            while block := whole.read(BLOCK):
                yield member.name, before + block
                before = (before + block)[-OVERLAP:]


def _metrics(assay: AssayStack) -> str:
    headers = {"Authorization": assay.api.authorization}
    request = urllib.request.Request(f"{assay.api.url}/metrics", headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(answer.read().decode())


def _output(*words: str) -> str:
    """Of both streams, whatever the exit code."""
    return subprocess.run(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    ).stdout
