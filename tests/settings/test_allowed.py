import pytest

from tcp_pressure_exporter.settings.allowed import allowed_keys, allowed_value
from tcp_pressure_exporter.settings.config import ConfigFile
from tcp_pressure_exporter.settings.web_file import WebConfigFile


@pytest.mark.parametrize(
    ("file", "key", "words"),
    [
        (ConfigFile, "pools", "a mapping"),
        (ConfigFile, "pools.top", "an integer from 0 to 100"),
        (ConfigFile, "pools.min_ratio", "a number from 0 to 1"),
        (ConfigFile, "groups", "a list"),
        (ConfigFile, "groups[7]", "a mapping"),
        (ConfigFile, "groups[0].cidrs[...]", "a string"),
        (ConfigFile, "groups[0].ports", "an integer from 1 to 65535"),
        (WebConfigFile, "rate_limit.interval", "a string or an integer"),
        (WebConfigFile, "http_server_config.http2", "true or false"),
        (WebConfigFile, "basic_auth_users[...]", "a string"),
        (ConfigFile, "nothing.such", ""),
    ],
)
def test_values(file: type, key: str, words: str) -> None:
    """What is allowed at a key is described with its bounds."""
    assert allowed_value(file, key) == words


def test_keys() -> None:
    """A mapping has the keys listed in docs/configuration.md; users may have any."""
    assert allowed_keys(ConfigFile, "groups[0]") == ("name", "cidrs", "ports")
    assert allowed_keys(ConfigFile, "") == ("pools", "groups", "nat", "sources", "runbook_url")
    assert allowed_keys(WebConfigFile, "rate_limit") == ("interval", "burst")
    assert allowed_keys(WebConfigFile, "basic_auth_users") == ()
