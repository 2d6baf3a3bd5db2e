"""The Assay under test starts while other rooms' tests run: building it is minutes of waiting."""

import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from assay_stack import AssayStack, alert_url, copy_of, running
from webhook import Webhook

# Code of the tests' own, in what their Assay loads.
CODE_OF_THE_TESTS = ("jobs_of_the_tests", "faults_on_demand")
LOADED = """

from user_code import {0}

defs = dg.Definitions.merge(defs, {0}.defs)
"""


class EarlyStart:
    """An Assay, started in the background with all that it needs; whoever wants it waits for it."""

    def __init__(self, repository: Path) -> None:
        """Copies the repository, and begins to build and start what the copy holds."""
        self._ends = ExitStack()
        self._folder = Path(tempfile.mkdtemp(prefix="assay-stack-"))
        self._ends.callback(shutil.rmtree, self._folder, ignore_errors=True)
        self.webhook = self._ends.enter_context(Webhook())
        self.tree = copy_of(repository, self._folder / "tree")
        for module in CODE_OF_THE_TESTS:
            shutil.copy(Path(__file__).with_name(f"{module}.py"), self.tree / "user_code")
            with (self.tree / "user_code/definitions.py").open("a") as file:
                file.write(LOADED.format(module))
        self._thread = ThreadPoolExecutor(1)
        self._started = self._thread.submit(self._start)

    def _start(self) -> AssayStack:
        stack = AssayStack(
            self.tree,
            self._folder / "first",
            f"assaytest-{os.getpid()}",
            ASSAY_ALERT_URLS=alert_url(self.webhook.port),
            ASSAY_SETTLE_SECONDS="2",
            # Of jobs_of_the_tests.py; test_egress.py gives the names an address each.
            ASSAY_OUTSIDE_JOBS="looks_around",
            ASSAY_OUTSIDE_HOSTS="open.assay.test inside.assay.test",
        )
        return self._ends.enter_context(running(stack))

    def stack(self) -> AssayStack:
        """The Assay, up and healthy; raises what its start raised, for everyone who asks."""
        return self._started.result()

    def remove(self) -> None:
        """All of it, once it has started or failed to; again is nothing."""
        self._thread.shutdown()
        self._ends.close()
