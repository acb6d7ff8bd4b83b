"""Debian's Chromium, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Run a browser. While it runs, this thread cannot start its own event loop."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox"],  # its sandbox does not work as root
        )
        yield chromium
        chromium.close()
