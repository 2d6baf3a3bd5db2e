"""The private parts of Dagster that the control plane leans on are still what they were."""

from __future__ import annotations

import inspect
import re
import time
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.launcher.base import RunLauncher
from dagster._core.test_utils import create_run_for_test, instance_for_test
from dagster._daemon.monitoring import run_monitoring
from dagster_docker import DockerRunLauncher
from dagster_postgres import utils

from control_plane import daemon, postgres_patience, reaper, webserver
from control_plane.launcher import AssayRunLauncher

CONFIG = Path(__file__).parents[2] / "dagster.yaml"


def test_only_connecting_is_retried_and_by_these_defaults() -> None:
    function = utils.retry_pg_connection_fn
    names = list(inspect.signature(function).parameters)
    assert names == ["fn", "retry_limit", "retry_wait"]
    assert function.__defaults__ in (postgres_patience.UPSTREAM, postgres_patience.PATIENT)
    # create_pg_connection must go on using the defaults: that is what makes the change work.
    assert "retry_pg_connection_fn(engine.connect)" in inspect.getsource(utils.create_pg_connection)


def test_patience_can_be_asked_for_twice() -> None:
    before = utils.retry_pg_connection_fn.__defaults__
    try:
        postgres_patience.wait_longer_for_postgres()
        postgres_patience.wait_longer_for_postgres()
        assert utils.retry_pg_connection_fn.__defaults__ == (9, 0.2)
        utils.retry_pg_connection_fn.__defaults__ = (1, 2.0)
        with pytest.raises(RuntimeError, match=r"control_plane/postgres_patience\.py"):
            postgres_patience.wait_longer_for_postgres()
    finally:
        utils.retry_pg_connection_fn.__defaults__ = before


@pytest.mark.parametrize(
    "name",
    [
        "_get_container",
        "_get_docker_image",
        "_launch_container_with_command",
        "get_container_context",
        "check_run_worker_health",
    ],
)
def test_the_launcher_overrides_what_is_there(name: str) -> None:
    def parameters(cls: type) -> list[str]:
        return list(inspect.signature(getattr(cls, name)).parameters)

    assert parameters(AssayRunLauncher)[1:] in (
        parameters(DockerRunLauncher)[1:],
        ["dagster_run"],
    )


def test_all_that_the_stock_launcher_reads_of_the_container_goes_through_our_context() -> None:
    source = inspect.getsource(DockerRunLauncher)
    read = set(re.findall(r"self\.(\w+)", source)) - set(vars(DockerRunLauncher))
    assert read == {"_inst_data", "_instance", "__class__", "image", "registry", "env_vars",
                    "networks", "container_kwargs"}  # fmt: skip
    outside_init = source[source.index("def inst_data") :]
    for name in ("registry", "env_vars", "networks", "container_kwargs"):
        assert f"self.{name}" not in outside_init


def test_monitoring_asks_for_the_health_then_the_evidence_before_it_fails_a_run() -> None:
    source = inspect.getsource(run_monitoring.monitor_started_run)
    asked = [
        source.index(text)
        for text in ("check_run_worker_health(run)", "get_run_worker_debug_info(", "run_failed(")
    ]
    assert asked == sorted(asked)
    assert (
        "include_container_logs"
        in inspect.signature(RunLauncher.get_run_worker_debug_info).parameters
    )


def test_the_launcher_takes_no_configuration() -> None:
    launcher = {
        "module": "control_plane.launcher",
        "class": "AssayRunLauncher",
        "config": {"network": "host"},
    }
    with (
        pytest.raises(dg.DagsterInvalidConfigError),
        instance_for_test(overrides={"run_launcher": launcher}) as instance,
    ):
        _ = instance.run_launcher


def test_heartbeats_of_an_instance_without_a_daemon_are_missed() -> None:
    with instance_for_test() as instance:
        assert daemon.heartbeat_state(instance).startswith("no heartbeat from ")
        assert "SENSOR" in daemon.heartbeat_state(instance)


def test_when_a_run_ended_is_known_for_ended_runs_alone() -> None:
    with instance_for_test() as instance:
        assert reaper.run_ended_at(instance, "unknown") is None
        run = create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED)
        assert reaper.run_ended_at(instance, run.run_id) is None
        before = time.time()
        instance.report_run_failed(run)
        assert before <= (reaper.run_ended_at(instance, run.run_id) or 0) <= time.time()


def test_the_daemon_takes_the_workspace_of_dagster_home(tmp_path: Path) -> None:
    home = {"DAGSTER_HOME": str(tmp_path)}
    assert daemon.arguments([], home) == ["run"]
    (tmp_path / "workspace.yaml").touch()
    assert daemon.arguments([], home) == ["run", "-w", f"{tmp_path}/workspace.yaml"]
    assert daemon.arguments(["-w", "x"], home) == ["run", "-w", "x"]


def test_the_webserver_recycles_its_connections_unless_told_otherwise() -> None:
    assert webserver.arguments(["-p", "1"]) == ["-p", "1", "--db-pool-recycle", "1"]
    assert webserver.arguments(["--db-pool-recycle=9"]) == ["--db-pool-recycle=9"]


def test_what_dagster_yaml_takes_from_the_environment_reaches_run_containers() -> None:
    """A run loads the whole file: an unset name in it ends the run before it begins."""
    from control_plane.settings import RUN_ENVIRONMENT

    named = set(re.findall(r"env:\s*([A-Z_]+)", CONFIG.read_text(encoding="utf-8")))
    assert named <= set(RUN_ENVIRONMENT)
    assert yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["run_launcher"] == {
        "module": "control_plane.launcher",
        "class": "AssayRunLauncher",
    }
