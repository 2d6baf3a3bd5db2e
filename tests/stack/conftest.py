"""An Assay of the tests' own: started once, removed whatever happens."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# These tests share modules that no other room needs; pytest's import mode adds no folder itself.
sys.path.insert(0, str(Path(__file__).parent))

from assay_stack import STARTED, AssayStack
from docker_engine import why_no_engine
from early_start import EarlyStart
from lone_gateway import Playground
from waiting import wait_for
from webhook import Webhook

REPOSITORY = Path(__file__).parents[2]
ORDER = [
    "test_gateway_rules",
    "test_gateway_tls",
    "test_start",
    "test_status",
    "test_gateway",
    "test_browser",
    "test_foreign_pages",
    "test_landing",
    "test_runs",
    "test_docker_gate",
    "test_hostile_runs",
    "test_lost_runs",
    "test_egress",
    "test_confinement",
    "test_reports",
    "test_secrets",
    "test_database_roles",
    "test_second_assay",
    "test_alerts",
    "test_daemons",
    "test_absent_services",
    "test_redeploy",
    "test_restart",
    "test_plain_compose",
]
NEEDS_NO_ENGINE = "test_harness"
EARLY = pytest.StashKey[EarlyStart]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark this folder's tests as `stack`, and skip them where they cannot run."""
    here = [
        item
        for item in items
        if Path(__file__).parent in item.path.parents and item.path.stem != NEEDS_NO_ENGINE
    ]
    if not here:
        return
    # A start from nothing comes first, what changes or stops the platform last.
    items.sort(key=lambda item: 1 + ORDER.index(item.path.stem) if item in here else 0)
    reason = why_no_engine()
    for item in here:
        item.add_marker(pytest.mark.stack)
        # The first one also waits for the images to be built.
        item.add_marker(pytest.mark.timeout(1200))
        if reason:
            item.add_marker(pytest.mark.skip(reason=f"drives real containers: {reason}"))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin at once to start the Assay under test, if any of these tests will run."""
    wanted = {"assay", "webhook", "stack_tree"}
    if not session.config.option.collectonly and any(
        item.get_closest_marker("stack")
        and not item.get_closest_marker("skip")
        and wanted.intersection(getattr(item, "fixturenames", ()))
        for item in session.items
    ):
        session.config.stash[EARLY] = EarlyStart(REPOSITORY)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove it if the session ended before a test asked for it."""
    if early := session.config.stash.get(EARLY, None):
        early.remove()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Add the services' last log lines to a failed test's report."""
    report = yield
    if report.failed and item.get_closest_marker("stack"):  # type: ignore[attr-defined]
        for stack in STARTED:
            report.sections.append(  # type: ignore[attr-defined]
                (f"logs of {stack.project}", stack.logs())
            )
    return report


@pytest.fixture(scope="session")
def webhook(pytestconfig: pytest.Config) -> Webhook:
    """The channel that the tests' Assay sends its alerts to."""
    return pytestconfig.stash[EARLY].webhook


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Where pictures for people are kept after the tests."""
    folder = REPOSITORY / "test-artifacts"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def stack_tree(pytestconfig: pytest.Config) -> Path:
    """A copy of the repository that tests may change, with jobs and sensors that behave badly."""
    return pytestconfig.stash[EARLY].tree


@pytest.fixture(scope="module")
def playground(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Playground]:
    """Where gateways are started alone, before upstreams that tell what reaches them."""
    folder = tmp_path_factory.mktemp("gateways")
    folder.chmod(0o755)
    for above in folder.parents[:3]:
        above.chmod(above.stat().st_mode | 0o011)  # the gateway's user passes through
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ASSAY_")}
    if early := pytestconfig.stash.get(EARLY, None):
        early.stack()  # base images are built once, not twice at the same time
    environment["ASSAY_ENV_FILE"] = str(folder / "env")

    def script(*words: str) -> str:
        done = subprocess.run(
            words, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    script("deploy/env_file.sh", "make")
    script("deploy/base_images.sh")
    images = {
        name: script("deploy/env_file.sh", "get", name) for name in ("CADDY_IMAGE", "PYTHON_IMAGE")
    }
    with Playground(f"assaygate-{os.getpid()}", images, folder).running() as playground:
        yield playground


@pytest.fixture(scope="session")
def assay(pytestconfig: pytest.Config) -> Iterator[AssayStack]:
    """The Assay under test, up and healthy, with the samples in its landing zone."""
    early = pytestconfig.stash[EARLY]
    try:
        yield early.stack()
    finally:
        early.remove()


@pytest.fixture(scope="session")
def samples_done(assay: AssayStack) -> None:
    """The samples, computed to the last asset, and nothing running or waiting."""
    wait_for(
        "the samples' last results",
        lambda: (
            assay.count("genomics.variant_analysis")
            and assay.count("finance.category_statistics")
            and assay.count("finance.anomaly_detection")
        ),
        seconds=600,
        every=2,
    )
    wait_for("the last run's end", lambda: not assay.api.unfinished(), seconds=300, every=2)
