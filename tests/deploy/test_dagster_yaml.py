"""dagster.yaml: one file for all processes, so it must hold in the least of them, a run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from control_plane.settings import RUN_ENVIRONMENT, SECRETS

REPOSITORY = Path(__file__).parents[2]
INSTANCE: dict[str, Any] = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text())


def values(node: Any, key: str) -> Iterator[Any]:
    """Every value that stands below `key`, at any depth."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key:
                yield value
            yield from values(value, key)


def test_a_run_is_told_every_variable_that_the_file_asks_for() -> None:
    assert set(values(INSTANCE, "env")) <= set(RUN_ENVIRONMENT)


def test_a_run_needs_no_class_that_its_image_lacks() -> None:
    lazily_loaded = INSTANCE["run_launcher"]["module"]
    lacking = [m for m in values(INSTANCE, "module") if not m.startswith("dagster.")]
    assert lacking == [lazily_loaded]


def test_no_secret_stands_in_the_file() -> None:
    assert list(values(INSTANCE, "password")) == []
    assert list(values(INSTANCE, "passfile")) == [f"{SECRETS}/pgpass"]


def test_the_instance_is_as_dagster_wants_it(tmp_path: Path) -> None:
    from dagster._core.instance.config import dagster_instance_config

    (tmp_path / "dagster.yaml").write_text((REPOSITORY / "dagster.yaml").read_text())
    config, _ = dagster_instance_config(str(tmp_path))  # raises on a key that Dagster doesn't know
    assert config["run_monitoring"]["poll_interval_seconds"] <= 15
    assert config["telemetry"] == {"enabled": False}
