"""Run containers on a real engine: made as settled, whatever the code location asks for."""

from __future__ import annotations

import time
from dataclasses import replace

import dagster as dg
import pytest

from control_plane.launcher import AssayRunLauncher
from tests.control_plane.docker_playground import Playground, engine_lacks
from tests.control_plane.launched_runs import (
    SLEEPS,
    Launch,
    make_run,
    ours,
    wait_for,
    wait_for_words,
)

pytestmark = pytest.mark.skipif(bool(engine_lacks()), reason=engine_lacks() or "")


def test_the_container_is_made_from_the_settings_alone(
    launch: Launch, playground: Playground
) -> None:
    run, container = launch("sleeps", SLEEPS)
    wait_for(container, "running")
    host, config = container.attrs["HostConfig"], container.attrs["Config"]
    assert config["Image"] == f"{playground.project}/tiny:sleeps"
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"]) == (2**26, 2**26, 500_000_000)
    assert host["Privileged"] is False
    assert host["ReadonlyRootfs"] is True
    assert (host["CapDrop"], host["SecurityOpt"]) == (["ALL"], ["no-new-privileges"])
    assert host["AutoRemove"] is False
    assert host["RestartPolicy"]["Name"] in ("", "no")
    assert list(container.attrs["NetworkSettings"]["Networks"]) == [f"{playground.project}_runs"]
    mounts = {
        mount["Destination"]: (mount["Name"], mount["RW"]) for mount in container.attrs["Mounts"]
    }
    assert mounts == {
        f"/assay/{name}": (f"{playground.project}_{name}", name not in ("landing", "contracts"))
        for name in ("data", "quarantine", "reports", "compute_logs", "landing", "contracts")
    } | {"/run/assay-secrets": (f"{playground.project}_secret_run", False)}
    labels = config["Labels"]
    assert labels["assay.project"] == playground.project
    assert labels["assay.kind"] == "run"
    assert labels["dagster/run_id"] == run.run_id
    told = dict(line.split("=", 1) for line in config["Env"])
    assert told["ASSAY_PG_HOST"] == "postgres"
    assert told["POLARS_MAX_THREADS"] == "1"
    assert "not-for-runs" not in str(told)
    assert "STOLEN" not in told
    assert "LD_PRELOAD" not in told
    container.kill()


def test_cancelling_ends_the_container(launch: Launch, instance: dg.DagsterInstance) -> None:
    run, container = launch("sleeps", SLEEPS)
    wait_for(container, "running")
    wait_for_words(container, "started")  # the script's trap is set
    began = time.monotonic()
    assert instance.run_launcher.terminate(run.run_id)
    wait_for(container, "exited")
    assert time.monotonic() - began < 15
    assert container.attrs["State"]["ExitCode"] == 0


def test_cancelling_a_run_without_a_container_says_no(instance: dg.DagsterInstance) -> None:
    run = make_run(instance, "never/started:1")
    assert instance.run_launcher.terminate(run.run_id) is False


def test_a_daemon_that_is_no_longer_alone_launches_nothing(
    instance: dg.DagsterInstance, playground: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: AssayRunLauncher) -> None:
        raise SystemExit(75)  # the daemon's own ends the process at once

    monkeypatch.setattr(AssayRunLauncher, "may_launch", gone)
    run = make_run(instance, playground.image("sleeps", SLEEPS))
    with pytest.raises(SystemExit):
        instance.launch_run(run.run_id, None)  # type: ignore[arg-type]
    assert ours(playground, run) == []


def test_a_pruned_image_is_named_with_what_to_do(
    instance: dg.DagsterInstance, playground: Playground
) -> None:
    run = make_run(instance, f"{playground.project}/gone:1")
    with pytest.raises(
        Exception, match=r"image \S+/gone:1 is not on this host.*Launch the run anew"
    ):
        instance.launch_run(run.run_id, None)  # type: ignore[arg-type]


def test_a_missing_network_is_said_with_what_to_do(
    instance: dg.DagsterInstance, playground: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = replace(playground, project=f"{playground.project}x")
    monkeypatch.setenv("ASSAY_PROJECT", elsewhere.project)
    run = make_run(instance, playground.image("sleeps", SLEEPS))
    try:
        with pytest.raises(Exception, match=r"network \S+_runs not found.*`make up`"):
            instance.launch_run(run.run_id, None)  # type: ignore[arg-type]
    finally:
        elsewhere.remove()
