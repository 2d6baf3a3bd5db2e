"""Each line that a run writes can be read by a program: `dagster api execute_run`, from outside."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import dagster._loggers
import pytest
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._grpc.types import ExecuteRunArgs

from user_code.shared import json_lines

REPOSITORY = Path(__file__).parents[2]


def lines_of_a_run(
    module: str, job: str, folder: Path, run_config: dict[str, Any] | None = None
) -> tuple[str, list[dict[str, Any]]]:
    """Execute a job of a module as a run container does; the run's id, and its lines as read."""
    home = folder / "home"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        known = ReconstructableRepository.for_module(module, "defs", str(REPOSITORY))
        asked = known.get_reconstructable_job(job)
        run = instance.create_run_for_job(
            asked.get_definition(),
            run_config=run_config,
            tags={"dagster/partition": "2025-01-01"},
            job_code_origin=asked.get_python_origin(),
        )
        words = ExecuteRunArgs(
            job_origin=asked.get_python_origin(), run_id=run.run_id, instance_ref=instance.get_ref()
        ).get_command_args()
        done = subprocess.run(
            [sys.executable, "-m", *words],
            env={**os.environ, "ASSAY_ROOT": str(folder), "ASSAY_LANDING": str(folder)},
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )
    assert done.stdout
    return run.run_id, [json.loads(line) for line in done.stdout.splitlines()]


def test_every_line_of_a_run_is_json_and_says_of_which_run(tmp_path: Path) -> None:
    run_id, lines = lines_of_a_run("tests.shared.runs_to_log", "talking", tmp_path)

    assert all({"event", "logger", "level", "timestamp"} <= set(line) for line in lines)
    of_run = [line for line in lines if line.get("run_id")]
    assert {line["run_id"] for line in of_run} == {run_id}
    assert {(line["job"], line["partition"]) for line in of_run} == {("talking", "2025-01-01")}
    said = {line["event"]: line for line in lines}
    assert said["two\nlines, “quoted”"]["step"] == "talk"
    assert said["by the module's logger"]["run_id"] == run_id
    assert said["a library warns"]["logger"] == "some.library"
    assert said["as Dagster's storage warns"]["logger"] == "root"
    assert any("of no use" in line["event"] for line in lines)
    assert "KeyError: 'inner'" in said["it goes on"]["exception"]
    (failed,) = [line for line in lines if line.get("event_type") == "STEP_FAILURE"]
    assert failed["level"] == "error"
    assert "RuntimeError: cannot go on" in failed["exception"]
    assert "ValueError: root" in failed["exception"]
    for once in ("STEP_START", "RUN_START", "RUN_FAILURE"):
        assert [line.get("event_type") for line in lines].count(once) == 1
    for once in ("a library warns", "as Dagster's storage warns", "after that", "it goes on"):
        assert len([line for line in lines if line["event"] == once]) == 1


def test_the_platforms_own_definitions_write_so(tmp_path: Path) -> None:
    paths = {"input_path": "missing.csv", "output_path": "x.parquet"}
    run_id, lines = lines_of_a_run(
        "user_code.definitions",
        "csv_to_parquet",
        tmp_path,
        {"ops": {"drop_incomplete_rows": {"config": paths}}},
    )
    (failed,) = [line for line in lines if line.get("event_type") == "STEP_FAILURE"]
    assert failed["run_id"] == run_id
    assert "missing.csv" in failed["exception"]


def test_a_sensor_writes_so_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in (json_lines.of_runs, json_lines.of_sensors):
        monkeypatch.setattr(module, "create_console_logger", json_lines.json_console)

    with dg.build_sensor_context() as context:
        context.log.info("nothing arrived")

    assert json.loads(capsys.readouterr().err)["event"] == "nothing arrived"


def test_a_person_at_a_terminal_reads_no_json(monkeypatch: pytest.MonkeyPatch) -> None:
    before = logging.getLogger
    monkeypatch.setattr(dagster._loggers, "create_console_logger", before)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    json_lines.write_json_lines()
    assert dagster._loggers.create_console_logger is before


def test_whoever_validates_definitions_reads_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """That Dagster sets this variable is its documented way, see `definitions validate --help`."""
    before = logging.getLogger
    monkeypatch.setattr(dagster._loggers, "create_console_logger", before)
    monkeypatch.setenv("DAGSTER_IS_DEFS_VALIDATION_CLI", "1")
    json_lines.write_json_lines()
    assert dagster._loggers.create_console_logger is before


def test_a_changed_dagster_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(dagster._loggers, "create_console_logger")
    with pytest.raises(RuntimeError, match="json_lines"):
        json_lines.write_json_lines()
