"""The benchmark's table: medians, ratios, and whether a goal was met."""

from __future__ import annotations

import re

from benchmarks.__main__ import images
from benchmarks.report import launch_table, machine, table

SECONDS = {"floor": [2.0, 2.0, 9.0], "assay": [2.4, 2.5, 2.6], "example": [11.0, 8.0, 10.0]}


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]


def test_medians_not_means_and_ratios_to_the_floor() -> None:
    found = {row[0].split(":")[0]: row[1:] for row in rows(table(SECONDS, 31.0))[2:5]}
    assert found == {
        "floor": ["2.00 s", "2.00 s", "9.00 s", "1.00 ×"],
        "Assay": ["2.50 s", "2.40 s", "2.60 s", "1.25 ×"],
        "Dagster's example configuration": ["10.00 s", "8.00 s", "11.00 s", "5.00 ×"],
    }


def test_each_goal_is_said_to_be_met_or_missed() -> None:
    def verdicts(runs_a_minute: float, **changed: list[float]) -> list[str]:
        return [row[-1] for row in rows(table({**SECONDS, **changed}, runs_a_minute))[-3:]]

    assert verdicts(31.0) == ["met", "met", "met"]
    assert verdicts(29.9) == ["met", "met", "missed"]
    assert verdicts(31.0, assay=[4.5]) == ["missed", "missed", "met"]


def test_what_the_gate_adds_is_the_medians_difference_and_is_judged() -> None:
    text = launch_table({"direct": [0.1, 0.2, 9.0], "gate": [0.23, 0.24, 0.25]})
    assert rows(text)[3] == ["through `docker_gate`", "240 ms", "230 ms", "250 ms"]
    assert text.endswith("adds 40 ms to a launch (goal: ≤ 50 ms, met).")
    text = launch_table({"direct": [0.2], "gate": [0.26]})
    assert text.endswith("adds 60 ms to a launch (goal: ≤ 50 ms, missed).")


def test_the_machine_is_named() -> None:
    line = machine({"ServerVersion": "20.10", "Driver": "overlay2"})
    assert re.match(r"\d+ × .+, \d+ GiB, \w+ .+, Docker 20\.10 on overlay2", line)


def test_the_images_measured_are_those_that_are_deployed() -> None:
    found = images({"ASSAY_PROJECT": "p", "ASSAY_USER_CODE_IMAGE": "p/user_code:abc"})
    assert found == {
        "dagster": "p/dagster:built",
        "user_code": "p/user_code:abc",
        "postgres": "postgres:17-trixie",
    }
