"""Faults of every kind, on real containers: each is told within two minutes, and its end too."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from assay_stack import AssayStack
from chromium import needs_chromium, tab_of
from playwright.sync_api import Page, expect
from waiting import wait_for
from webhook import Webhook

pytestmark = pytest.mark.usefixtures("samples_done")

WITHIN_SECONDS = 120
KEYS = {
    "hunger": "run.failed:hungry:",
    "half": "check.failed:half_loaded:is_whole",
    "no feed": "asset.stale:fed_from_outside",
    "mood": "tick.failed:moody",
}


class Faults:
    """The faults that can be switched on and off while the Assay under test lives."""

    def __init__(self, assay: AssayStack, webhook: Webhook) -> None:
        self.assay = assay
        self.webhook = webhook
        self.folder = assay.landing / ".faults"
        self.folder.mkdir(exist_ok=True)
        # When each fault began, or ended, by its name (monotonic seconds).
        self.since: dict[str, float] = {}

    def run(self, job: str) -> str:
        """Run a job to its end; its id."""
        run_id = self.assay.api.launch(job)
        wait_for(f"the end of {job}", lambda: self.assay.api.finished(run_id), seconds=240)
        return run_id

    def begin(self) -> None:
        """Let everything go wrong."""
        self.assay.api.report_materialization("fed_from_outside")
        # Its policy gives it a minute.
        self.since["no feed"] = time.monotonic() + 60
        for fault in ("hunger", "half", "mood"):
            (self.folder / fault).touch()
        self.since["mood"] = time.monotonic()
        hungry = self.assay.api.launch("hungry")
        self.run("load_half")
        self.since["half"] = time.monotonic()
        container = wait_for(
            "the engine to kill the run",
            lambda: [one for one in self.assay.run_containers(hungry) if one["State"]["OOMKilled"]],
            seconds=240,
        )
        assert container
        self.since["hunger"] = time.monotonic()

    def end(self) -> None:
        """Mend it all; the feed must be kept up by `feed`."""
        for fault in self.folder.iterdir():
            fault.unlink()
        self.since["mood"] = self.since["no feed"] = time.monotonic()
        for fault, job in (("hunger", "hungry"), ("half", "load_half")):
            self.run(job)
            self.since[fault] = time.monotonic()

    def told(
        self, change: str, meanwhile: Callable[[], object] = lambda: None
    ) -> dict[str, dict[str, str]]:
        """What the webhook got of each fault, every one in time after it began (or ended)."""
        found: dict[str, dict[str, str]] = {}
        for fault in sorted(KEYS, key=lambda fault: self.since[fault]):

            def arrived(fault: str = fault) -> dict[str, str] | None:
                meanwhile()
                return self.webhook.told(KEYS[fault], change)

            left = self.since[fault] + WITHIN_SECONDS - time.monotonic()
            found[fault] = wait_for(f"{KEYS[fault]} to be told {change}", arrived, max(left, 0))
            print(f"{fault} {change} after {time.monotonic() - self.since[fault]:.0f} s")
        return found


@pytest.fixture(scope="module")
def faults(assay: AssayStack, webhook: Webhook, samples_done: None) -> Faults:
    """The faults of faults_on_demand.py, all off."""
    return Faults(assay, webhook)


@pytest.fixture(scope="module")
def opened(faults: Faults) -> dict[str, dict[str, str]]:
    """What was told of each fault; waiting for it is the test that it comes in time."""
    faults.begin()
    return faults.told("opened")


@pytest.mark.parametrize(
    ("fault", "kind", "severity", "says"),
    [
        ("hunger", "run.out_of_memory", "error", "ran out of memory"),
        ("half", "check.failed", "error", "is_whole of half_loaded failed"),
        ("no feed", "asset.stale", "warning", "fed_from_outside is stale"),
        ("mood", "tick.failed", "error", "the sensor moody fails"),
    ],
)
def test_a_fault_is_told(
    opened: dict[str, dict[str, str]], fault: str, kind: str, severity: str, says: str
) -> None:
    assert opened[fault]["kind"] == kind
    assert opened[fault]["severity"] == severity
    assert says in opened[fault]["subject"]


@pytest.fixture(scope="module")
def page(assay: AssayStack) -> Iterator[Page]:
    """A tab of a browser on this Assay's UI."""
    with tab_of(assay) as tab:
        yield tab


@needs_chromium
@pytest.mark.parametrize(
    ("fault", "shows"),
    [
        ("hunger", "out of memory: it reached its limit of 512 MiB"),
        ("half", "is_whole"),
        ("no feed", "fed_from_outside"),
        ("mood", "moody"),
    ],
)
def test_an_alerts_link_opens_the_page_that_shows_it(
    opened: dict[str, dict[str, str]], page: Page, fault: str, shows: str
) -> None:
    page.goto(opened[fault]["link"])
    expect(page.get_by_text(shows).first).to_be_visible()


@needs_chromium
def test_the_ui_has_the_alerts_as_a_table(
    assay: AssayStack, opened: dict[str, dict[str, str]], page: Page, artifacts: Path
) -> None:
    def in_the_table() -> bool:
        newest = assay.api.materializations("open_alerts")[0]
        return any(KEYS["hunger"] in entry.get("mdStr", "") for entry in newest["metadataEntries"])

    wait_for("the table's next look", in_the_table, seconds=WITHIN_SECONDS)
    page.goto("/assets/open_alerts")
    page.get_by_text("Show Markdown").first.click()
    row = page.get_by_role("row").filter(has_text=KEYS["hunger"])
    expect(row).to_be_visible()
    expect(row).to_contain_text("hungry ran out of memory")
    expect(row.get_by_role("link")).to_have_attribute("href", opened["hunger"]["link"])
    page.screenshot(path=artifacts / "open-alerts.png")


def test_a_faults_end_is_told(faults: Faults, opened: dict[str, dict[str, str]]) -> None:
    faults.end()
    # The feed must go on coming, for it is late again after a minute.
    fed = 0.0

    def feed() -> None:
        nonlocal fed
        if time.monotonic() - fed > 15:
            faults.assay.api.report_materialization("fed_from_outside")
            fed = time.monotonic()

    closed = faults.told("closed", meanwhile=feed)
    assert {fault: alert["first_seen"] for fault, alert in closed.items()} == {
        fault: alert["first_seen"] for fault, alert in opened.items()
    }
