"""A document's Markdown as HTML."""

import pytest

from tcp_pressure_exporter.pages.docs.markdown import render

SHIPPED = ("alerts.md", "metrics.md", "runbooks/pools.md")


def html(text: str, path: str = "alerts.md") -> str:
    return render(text, path, SHIPPED).html


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("## What not to do", "what-not-to-do"),
        ("## The kernel's own counters", "the-kernels-own-counters"),
        ("## `tw_recycle_enabled`", "tw_recycle_enabled"),
        ("## TcpPressurePoolHigh", "tcppressurepoolhigh"),
        ("### A global view: Mimir, Thanos", "a-global-view-mimir-thanos"),
    ],
)
def test_a_heading_has_the_anchor_that_github_gives_it(heading: str, anchor: str) -> None:
    """Lower case, no punctuation, hyphens for spaces: links work here as on GitHub."""
    assert f' id="{anchor}">' in html(heading)


def test_a_heading_that_comes_again_is_numbered() -> None:
    """The second of two equal headings ends in -1, as on GitHub."""
    made = html("## Rules\n\n## Rules\n")
    assert 'id="rules"' in made
    assert 'id="rules-1"' in made


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("alerts.md", "runbooks/pools.md#tcppressurepoolhigh"),
        ("alerts.md", "#the-alerts"),
        ("runbooks/pools.md", "../metrics.md"),
        ("alerts.md", "https://github.com/dequelabs/axe-core"),
    ],
)
def test_a_link_that_leads_somewhere_stays(path: str, target: str) -> None:
    """To a document, a heading, or an address."""
    assert f'<a href="{target}">words</a>' in html(f"[words]({target})", path)


@pytest.mark.parametrize("target", ["../CONTRIBUTING.md", "status.schema.json", "pools.md"])
def test_a_link_to_what_is_not_shipped_remains_as_words(target: str) -> None:
    """Its words stay, even those in code, and so does what follows."""
    assert html(f"See [`x` y]({target}) there.") == "<p>See <code>x</code> y there.</p>\n"


def test_a_picture_remains_as_its_description() -> None:
    """Pictures are not shipped."""
    assert html("![The page](images/page.png)") == "<p>(The page)</p>\n"


def test_no_html_gets_through() -> None:
    """Comments go, and what looks like an element is text."""
    assert html("<!-- facts -->\na <b>c</b> & d\n") == "<p>a &lt;b&gt;c&lt;/b&gt; &amp; d</p>\n"


def test_a_table_can_be_scrolled_by_keyboard() -> None:
    """It is in a separate region that takes the focus."""
    made = html("| a | b |\n|---|---|\n| 1 | 2 |\n")
    region = '<div class="scroll" tabindex="0">'
    assert made.startswith(f"{region}\n<table>")
    assert made.endswith("</table>\n</div>\n")


def test_title() -> None:
    """A document's title is its first heading."""
    assert render("# Many hosts\n\nOne exporter", "fleet.md", SHIPPED).title == "Many hosts"
