"""How to make each kind of application keep connections open, by the name of its process.

Sources: nginx, ngx_http_upstream_module (keepalive); HAProxy's configuration manual (http-reuse,
source); Envoy, HttpProtocolOptions; Go, net/http.Transport; Java, networking properties of
java.net and java.net.http; requests, HTTPAdapter; Node.js, http.Agent.
"""

from collections.abc import Mapping
from typing import NamedTuple

IDLE = 64  # connections: enough for most, and few compared with a range of 28,232 ports


class Setting(NamedTuple):
    """A setting of an application. where: the file or language that it belongs to.

    lines: with {remote} for the destination's address and port.
    """

    where: str
    lines: tuple[str, ...]
    changes: str
    risks: str


_LONGER = (
    "The destination must keep idle connections open longer than this end does, or requests fail."
)
NGINX = Setting(
    "nginx.conf, http",
    (
        "upstream backend {",
        "    server {remote};",
        f"    keepalive {IDLE};",
        "}",
        "location / {",
        "    proxy_pass http://backend;",
        "    proxy_http_version 1.1;",
        '    proxy_set_header Connection "";',
        "}",
    ),
    f"Each worker keeps up to {IDLE} idle connections open instead of opening one per request.",
    _LONGER,
)
HAPROXY = Setting(
    "haproxy.cfg, backend",
    (
        "http-reuse always",
        "server s1 {remote} source {local}:10000-29999",
    ),
    "Requests share connections to the server. With 20,000 source ports of its own, the"
    " backend no longer uses the local port range.",
    "A server that ties a login to the connection (NTLM) cannot share them. The source range"
    " must lie outside the local port range and contain no services' ports; name it in this"
    " exporter's `sources`.",
)
ENVOY = Setting(
    "the cluster, typed_extension_protocol_options",
    (
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions:",
        '  "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        "  common_http_protocol_options: {idle_timeout: 300s}",
        "  explicit_http_config: {http2_protocol_options: {}}",
    ),
    "HTTP/2 carries all requests over a few connections, which stay open while idle.",
    "The destination must speak HTTP/2. max_requests_per_connection, if set, still closes"
    " connections.",
)
GO = Setting(
    "Go",
    (
        "t := http.DefaultTransport.(*http.Transport).Clone()",
        f"t.MaxIdleConnsPerHost = {IDLE} // 2 by default",
        "client := &http.Client{Transport: t} // one for all requests",
    ),
    f"Up to {IDLE} idle connections per destination stay open.",
    "A connection is reused only if the response body was read to the end and closed.",
)
JAVA = Setting(
    "the command line of java",
    (
        f"-Dhttp.maxConnections={IDLE}",
        "-Djdk.httpclient.keepalive.timeout=300",
    ),
    "HttpURLConnection keeps more than its default of 5 idle connections, and"
    " java.net.http.HttpClient keeps them for 5 minutes. Other clients (Apache, OkHttp, Netty)"
    " have their own pools.",
    _LONGER,
)
PYTHON = Setting(
    "Python, requests",
    (
        "session = requests.Session()  # one for all requests",
        f"session.mount('http://', requests.adapters.HTTPAdapter(pool_maxsize={IDLE}))",
    ),
    f"Up to {IDLE} connections per destination stay open; requests.get() opens a new one each"
    " time.",
    "A session belongs to one process: create it after the fork.",
)
NODE = Setting(
    "Node.js",
    (
        f"const agent = new http.Agent({{ keepAlive: true, maxFreeSockets: {IDLE} }})",
        "http.get(url, { agent })",
    ),
    f"Up to {IDLE} idle connections per destination stay open.",
    _LONGER,
)
SETTINGS: Mapping[str, Setting] = {
    "nginx": NGINX,
    "openresty": NGINX,
    "haproxy": HAPROXY,
    "envoy": ENVOY,
    "java": JAVA,
    "python": PYTHON,
    "gunicorn": PYTHON,
    "uwsgi": PYTHON,
    "celery": PYTHON,
    "node": NODE,
    "nodejs": NODE,
}
OTHERS = Setting(
    "any HTTP client",
    ("Connection: keep-alive",),
    "The client asks the server to keep connections open, keeps a pool of them, and reads each"
    f" response to its end. In Go: MaxIdleConnsPerHost = {IDLE} in one http.Transport shared by"
    " all requests.",
    _LONGER,
)


def setting_of(process: str) -> Setting:
    """Return how to make a process keep connections open, by its name."""
    name = process.partition(":")[0].strip().lower()
    found = SETTINGS.get(name) or SETTINGS.get(name.rstrip("0123456789."))
    return found or OTHERS
