"""Which containers of a run are ended, how, and that none is called dead that is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import docker.errors
import pytest

from control_plane.certain_death import StillAliveError, end_containers

PROJECT, RUN = "assay", "run-1"


@dataclass
class Told:
    """A container of the run that answers as a test wants; `asked` is what it was told to do."""

    status: str
    ends: bool = True
    error: type[Exception] | None = None
    run_id: str = RUN
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.run_id}-{self.status}"

    def _do(self, what: str, how: dict[str, Any]) -> None:
        self.asked.append((what, how))
        if self.error is not None:
            raise self.error("as if the engine had said so", explanation="it says so")  # type: ignore[call-arg]

    def stop(self, **how: Any) -> None:
        self._do("stop", how)

    def kill(self, **how: Any) -> None:
        self._do("kill", how)

    def remove(self, **how: Any) -> None:
        self._do("remove", how)

    def wait(self, **how: Any) -> None:
        self._do("wait", how)

    def reload(self) -> None:
        if self.ends:
            self.status = "exited"


class Engine:
    """As much of docker-py's client as is asked, with these containers."""

    def __init__(self, *containers: Told) -> None:
        self.made = containers
        self.api = self.containers = self

    def __call__(self, **asked: object) -> list[dict[str, object]]:
        labels = [f"assay.project={PROJECT}", "assay.kind=run", "dagster/run_id"]
        assert asked == {"all": True, "filters": {"label": labels}}, "no other container"
        return [
            {"Id": number, "State": one.status, "Labels": {"dagster/run_id": one.run_id}}
            for number, one in enumerate(self.made)
        ]

    def get(self, number: int) -> Told:
        if self.made[number].status == "gone":
            raise docker.errors.NotFound("gone")
        return self.made[number]


def end(*containers: Told) -> list[str]:
    return end_containers(Engine(*containers), PROJECT, RUN)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        ("running", [("stop", {"timeout": 20}), ("wait", {"timeout": 60})]),
        ("paused", [("kill", {}), ("wait", {"timeout": 60})]),
        ("restarting", [("kill", {}), ("wait", {"timeout": 60})]),
        ("created", [("remove", {"v": True})]),
    ],
)
def test_one_that_can_note_its_end_may_and_one_that_never_began_goes(
    status: str, asked: list[tuple[str, dict[str, Any]]]
) -> None:
    container = Told(status)
    assert end(container) == [f"{RUN}-{container.status}"]
    assert container.asked == asked


def test_all_of_the_run_are_ended_and_nothing_else() -> None:
    others = [Told("exited"), Told("dead"), Told("running", run_id="run-2"), Told("gone")]
    paused, running = Told("paused"), Told("running")
    assert len(end(paused, *others, running)) == 2
    assert [len(one.asked) for one in others] == [0] * len(others)
    assert (paused.status, running.status) == ("exited", "exited")


@pytest.mark.parametrize("status", ["running", "paused"])
@pytest.mark.parametrize("error", [None, docker.errors.APIError])
def test_one_that_does_not_end_is_not_called_dead(
    status: str, error: type[Exception] | None
) -> None:
    why = "it says so" if error else "it was told to"
    with pytest.raises(StillAliveError, match=f"is {status} and does not end: {why}"):
        end(Told(status, ends=False, error=error))


def test_one_that_ended_in_the_very_moment_is_dead() -> None:
    assert end(Told("running", error=docker.errors.APIError)) == [f"{RUN}-exited"]
    gone = Told("running", ends=False, error=docker.errors.NotFound)
    assert end(gone) == [f"{RUN}-running"], "there is no container left to look at"
