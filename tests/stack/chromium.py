"""A real browser, where there is one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from assay_stack import AssayStack
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
WINDOW = ViewportSize(width=1800, height=960)

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on this machine (Debian: apt-get install chromium)"
)


@contextmanager
def tab_of(assay: AssayStack) -> Iterator[Page]:
    """A tab of Chromium on an Assay's UI, logged in."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            # Its sandbox doesn't work for root, nor in most containers; it sees our pages only.
            args=["--no-sandbox"],
        )
        tab = browser.new_page(
            viewport=WINDOW,
            base_url=assay.api.url,
            http_credentials={"username": assay.api.name, "password": assay.api.password},
        )
        tab.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        yield tab
        browser.close()
