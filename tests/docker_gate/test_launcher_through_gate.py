"""Dagster's launcher before the gate: it asks for what is allowed, and says what is refused."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.test_utils import instance_for_test

from control_plane.docker_gate.sockets import caller_socket
from control_plane.launcher import RunContainerError
from tests.control_plane.test_launcher import make_run
from tests.docker_gate.recording_engine import IMAGE, OURS, PROJECT
from tests.docker_gate.served_gate import ServedGate
from tests.docker_gate.test_run_container import assert_is_a_run


@pytest.fixture
def instance(gate: ServedGate, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """An instance whose launcher knows no engine but the gate, as the daemon's does."""
    for name, value in {
        "DOCKER_HOST": f"unix://{caller_socket('daemon', gate.folder)}",
        "ASSAY_PROJECT": PROJECT,
        "ASSAY_ROOT": "/assay",
        "ASSAY_RUN_MEMORY": "64m",
        "ASSAY_RUN_CPUS": "0.5",
    }.items():
        monkeypatch.setenv(name, value)
    launcher = {"module": "control_plane.launcher", "class": "AssayRunLauncher"}
    with instance_for_test(overrides={"run_launcher": launcher}) as instance:
        yield instance


def test_what_the_launcher_asks_for_is_allowed(
    gate: ServedGate, instance: dg.DagsterInstance
) -> None:
    # Its code location asks for `privileged` and more: the launcher doesn't pass that on.
    run = make_run(instance, IMAGE)
    instance.launch_run(run.run_id, None)  # type: ignore[arg-type]
    create, start = gate.engine.changes()
    assert_is_a_run(create.body)
    assert create.body["Labels"]["dagster/run_id"] == run.run_id
    assert start.path == f"/v1.41/containers/{OURS}/start"


def test_tags_choose_within_the_caps(gate: ServedGate, instance: dg.DagsterInstance) -> None:
    tags = {"assay/memory": "48m", "assay/cpus": "0.25", "assay/timeout": "5m"}
    run = make_run(instance, IMAGE, tags | {"dagster/partition": "2025-01-02"})
    instance.launch_run(run.run_id, None)  # type: ignore[arg-type]
    create, _ = gate.engine.changes()
    host = create.body["HostConfig"]
    assert (host["Memory"], host["NanoCpus"]) == (48 * 2**20, 250_000_000)
    assert create.path.endswith(f"name={PROJECT}-run-a_job-2025-01-02-{run.run_id[:8]}")
    again = instance.get_run_by_id(run.run_id)
    assert again is not None
    assert again.tags["dagster/max_runtime"] == "300", "Dagster's monitoring ends it by this tag"


@pytest.mark.parametrize(
    ("tag", "text", "said"),
    [
        ("assay/memory", "9g", "between 32m and 64m"),
        ("dagster/max_runtime", "999999", "a number of seconds between 0 and 259200"),
    ],
)
def test_a_bad_tag_fails_its_run_for_good_and_says_why(
    gate: ServedGate, instance: dg.DagsterInstance, tag: str, text: str, said: str
) -> None:
    run = make_run(instance, IMAGE, {tag: text})
    with pytest.raises(RunContainerError, match=f"{tag}='{text}' is not {said}"):
        instance.launch_run(run.run_id, None)  # type: ignore[arg-type]
    again = instance.get_run_by_id(run.run_id)
    assert again is not None
    assert again.tags["dagster/max_retries"] == "0"
    assert gate.engine.changes() == []


def test_a_forged_image_fails_its_run_for_good_and_says_why(
    gate: ServedGate, instance: dg.DagsterInstance
) -> None:
    run = make_run(instance, "alpine:latest")
    with pytest.raises(Exception, match="The run's container was refused") as refused:
        instance.launch_run(run.run_id, None)  # type: ignore[arg-type]
    assert isinstance(refused.value, RunContainerError)
    assert "is not deployed user code of this project" in str(refused.value)
    again = instance.get_run_by_id(run.run_id)
    assert again is not None
    assert again.tags["dagster/max_retries"] == "0"
    assert gate.engine.changes() == []
