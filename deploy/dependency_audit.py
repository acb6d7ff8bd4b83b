"""Looks up the pinned dependencies in the package index's list of known vulnerabilities.

usage: python -m deploy.dependency_audit

Uses pip-audit, which asks for the page of each release. An index may only keep pages of projects.
Such a page covers the newest release, and so serves for everything pinned to the newest.

Exit codes: 0 all were looked up and none is vulnerable, 1 one is, 3 some could not be looked up.
"""

import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin

import requests

# pip-audit's only public interface is its command, which cannot be given another page.
from pip_audit._dependency_source import RequirementSource
from pip_audit._service.interface import (
    Dependency,
    ResolvedDependency,
    ServiceError,
    VulnerabilityResult,
)
from pip_audit._service.pypi import PyPIService

PINNED = Path(__file__).parent.parent / "constraints.txt"
TIMEOUT_SECONDS = 15
AT_ONCE = 8
CLEAN, VULNERABLE, UNKNOWN = 0, 1, 3


class Audit(NamedTuple):
    """How many releases were looked up, a line for each vulnerability, and what is not known."""

    looked_up: int
    vulnerabilities: list[str]
    unknown: list[str]

    @property
    def exit_code(self) -> int:
        """The program's exit code."""
        if self.vulnerabilities:
            return VULNERABLE
        return UNKNOWN if self.unknown else CLEAN

    def lines(self) -> Iterator[str]:
        """Yield what a person should read."""
        yield from self.vulnerabilities
        if self.unknown:
            yield f"not looked up, the index has no page of it: {', '.join(self.unknown)}"
        yield (
            f"{self.looked_up} pinned dependencies were looked up,"
            f" {len(self.vulnerabilities)} vulnerabilities are known"
        )


def pinned(path: Path = PINNED) -> list[Dependency]:
    """Return what is pinned for this Python on this system."""
    found = RequirementSource([path], no_deps=True, disable_pip=True).collect()
    return sorted(
        (one for one in found if isinstance(one, ResolvedDependency)), key=lambda one: one.name
    )


def client() -> PyPIService:
    """Return a client of the package index that makes do with projects' pages."""
    service = PyPIService(timeout=TIMEOUT_SECONDS)
    service.session.hooks["response"].append(_newest_instead)
    return service


def _newest_instead(response: requests.Response, **_options: Any) -> requests.Response:
    """Return the project's page in place of a release's if only the former exists.

    Their addresses end in PROJECT/json and PROJECT/RELEASE/json.
    """
    if response.status_code != HTTPStatus.NOT_FOUND:
        return response
    release = response.url.rsplit("/", 2)[1]
    page = requests.get(urljoin(response.url, "../json"), timeout=TIMEOUT_SECONDS)
    return page if page.ok and page.json()["info"]["version"] == release else response


def audit(dependencies: Iterable[Dependency], service: PyPIService) -> Audit:
    """Look each up; raises ServiceError or RequestException if the index does not answer."""
    looked_up, vulnerabilities, unknown = 0, [], []
    for found, known in _answers(dependencies, service):
        if not isinstance(found, ResolvedDependency):
            unknown.append(found.name)
            continue
        looked_up += 1
        for one in known:
            fixed = ", ".join(map(str, one.fix_versions)) or "no release"
            vulnerabilities.append(
                f"{found.name} {found.version}: {one.id}, fixed in {fixed}: {one.description}"
            )
    return Audit(looked_up, vulnerabilities, unknown)


def _answers(
    dependencies: Iterable[Dependency], service: PyPIService
) -> list[tuple[Dependency, list[VulnerabilityResult]]]:
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        return list(pool.map(service.query, dependencies))
    finally:
        # If the index does not answer, the others need not wait for it, too.
        pool.shutdown(cancel_futures=True)


def main() -> int:
    """Print what is known; return the exit code."""
    try:
        result = audit(pinned(), client())
    except (ServiceError, requests.RequestException) as error:
        sys.stdout.write(f"the index did not tell of vulnerabilities: {error}\n")
        return UNKNOWN
    sys.stdout.writelines(f"{line}\n" for line in result.lines())
    return result.exit_code


if __name__ == "__main__":
    sys.exit(main())
