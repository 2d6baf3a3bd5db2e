"""What people see, in a real Chromium."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from assay_stack import AssayStack
from chromium import WINDOW, needs_chromium, tab_of
from playwright.sync_api import Page, expect

pytestmark = [needs_chromium, pytest.mark.usefixtures("samples_done")]

HAS_PICTURE = """() => [...document.querySelectorAll('img')]
    .some(image => image.src.startsWith('data:image/') && image.naturalWidth > 100)"""


@pytest.fixture(scope="module")
def page(assay: AssayStack) -> Iterator[Page]:
    """A tab of a browser on this Assay's UI."""
    with tab_of(assay) as tab:
        yield tab


def test_the_lineage_shows_both_domains(page: Page, artifacts: Path) -> None:
    # What lies outside of the window isn't drawn.
    page.set_viewport_size({"width": 1800, "height": 1700})
    page.goto("/asset-groups?expanded=global@global:finance,global@global:genomics")
    for asset in ("raw_genomic_data", "variant_analysis", "daily_summary", "anomaly_detection"):
        expect(page.get_by_text(asset).first).to_be_visible()
    expect(page.get_by_text("Materialized").first).to_be_visible()
    expect(page.get_by_text("(fetching statuses)")).to_have_count(0)
    page.screenshot(path=artifacts / "lineage.png")
    page.set_viewport_size(WINDOW)


def test_a_run_shows_its_events_and_logs(assay: AssayStack, page: Page, artifacts: Path) -> None:
    run = assay.api.runs(statuses=["SUCCESS"])[0]
    page.goto(f"/runs/{run['runId']}")
    expect(page.get_by_text("RUN_SUCCESS").first).to_be_visible()
    page.get_by_text("stderr", exact=True).click()
    # All steps of a run write into one log: it is the only choice.
    page.get_by_placeholder("Select a step").click()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_text("STEP_SUCCESS").first).to_be_visible()
    page.screenshot(path=artifacts / "run-logs.png")


@pytest.mark.parametrize("asset", ["variant_analysis", "historical_data"])
def test_an_asset_shows_its_plot(page: Page, artifacts: Path, asset: str) -> None:
    page.goto(f"/assets/{asset}")
    page.get_by_text("Show Markdown").first.click()
    page.wait_for_function(HAS_PICTURE)
    page.screenshot(path=artifacts / f"plot-{asset}.png", animations="disabled")
