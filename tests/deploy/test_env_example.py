""".env.example is the list of all settings: what compose and the code read, nothing else."""

import re
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = (REPOSITORY / ".env.example").read_text().splitlines()
COMPOSE = (REPOSITORY / "docker-compose.yml").read_text()
NAME = re.compile(r"^([A-Z][A-Z0-9_]*)=", re.MULTILINE)


def example() -> dict[str, str]:
    lines = [line.split("=", 1) for line in EXAMPLE if line and not line.startswith("#")]
    return {name: value for name, value in lines}  # noqa: C416  (a pair is a list here)


def interpolated() -> set[str]:
    return set(re.findall(r"\$\{([A-Z][A-Z0-9_]*)", COMPOSE)) - {"PWD"}


def set_by_compose() -> set[str]:
    services = yaml.safe_load(COMPOSE)["services"].values()
    return {name for service in services for name in service["environment"]}


def test_compose_reads_exactly_what_the_example_lists() -> None:
    assert interpolated() == set(example())


def test_code_reads_nothing_that_nobody_sets() -> None:
    read = set()
    for package in ("control_plane", "user_code"):
        for file in (REPOSITORY / package).rglob("*.py"):
            read |= set(re.findall(r"[\"'](ASSAY_[A-Z0-9_]+)[\"']", file.read_text()))
    assert read <= set_by_compose() | set(example())


@pytest.mark.parametrize("name", sorted(example()))
def test_every_setting_is_explained(name: str) -> None:
    at = next(n for n, line in enumerate(EXAMPLE) if line.startswith(f"{name}="))
    above = at - 1
    while EXAMPLE[above] and not EXAMPLE[above].startswith("#"):
        above -= 1  # one comment may explain the settings below it
    assert re.match(r"# [^-]", EXAMPLE[above]) or EXAMPLE[above].startswith("# ---"), name


def test_defaults_in_compose_are_those_of_the_example() -> None:
    for name, default in re.findall(r"\$\{([A-Z][A-Z0-9_]*):-([^$}]*)\}", COMPOSE):
        assert default == example()[name], name
