"""A browser for the tests of a module."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.pages.status.chromium import running_browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run one browser for all tests of a module: starting takes a second."""
    with running_browser() as browser:
        yield browser
