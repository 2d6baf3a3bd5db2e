"""The engine's own account of the containers that it made, those that are gone again, too."""

import json
import subprocess
import threading
from types import TracebackType


class ContainerBirths:
    """Listens to the engine from its beginning to its end. A context manager."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def __enter__(self) -> "ContainerBirths":
        self._events = subprocess.Popen(
            ["docker", "events", "--filter", "type=container", "--filter", "event=create",
             "--format", "{{json .Actor}}"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._events.terminate()
        self._events.wait(timeout=30)
        self._thread.join(timeout=30)

    def _listen(self) -> None:
        assert self._events.stdout is not None
        for line in self._events.stdout:
            self._lines.append(line)

    def of_run(self, run_id: str) -> list[str]:
        """Ids of the containers that were made for a run."""
        return [
            born["ID"]
            for born in map(json.loads, list(self._lines))
            if born["Attributes"].get("dagster/run_id") == run_id
        ]

    def of_project(self, project: str) -> list[str]:
        """The run ids of all run containers of a project, one for each container."""
        return [
            born["Attributes"].get("dagster/run_id", "")
            for born in map(json.loads, list(self._lines))
            if born["Attributes"].get("assay.project") == project
            and born["Attributes"].get("assay.kind") == "run"
        ]
