"""Links between the dashboards, which keep time and variables, and links to the documents."""

from grafana.source.panel import Json

TAG = "tcp-pressure-exporter"
KEPT = "${__url_time_range}&${datasource:queryparam}&${cluster:queryparam}&${job:queryparam}"


def to_the_others() -> list[Json]:
    """Return the links at the top of a dashboard."""
    return [
        {
            "type": "dashboards",
            "title": "TCP pressure",
            "tags": [TAG],
            "asDropdown": False,
            "icon": "external link",
            "includeVars": True,
            "keepTime": True,
            "targetBlank": False,
            "tooltip": "",
            "url": "",
        }
    ]


def to_host() -> Json:
    """Return the link from a row to its host's overview."""
    return _link("Overview of this host", f"/d/tcp-pressure-overview?{KEPT}&{_fields('instance')}")


def to_pool() -> Json:
    """Return the link from a pool's row to its history."""
    fields = _fields(
        *("instance", "netns", "direction"), *("local_address", "remote_address", "port")
    )
    return _link("History of this pool", f"/d/tcp-pressure-pool?{KEPT}&{fields}")


def to_document(title: str, path: str) -> Json:
    """Return a link to a page below docs/; the path may hold variables of the row."""
    return _link(title, f"${{docs}}/{path}", new_tab=True)


def _fields(*labels: str) -> str:
    return "&".join(f"var-{label}=${{__data.fields.{label}}}" for label in labels)


def _link(title: str, url: str, *, new_tab: bool = False) -> Json:
    return {"title": title, "url": url, "targetBlank": new_tab}
