"""What the exporter counts: calls that the kernel refused, and who closes first."""

CONNECTS = "tcp_pressure_connect_failures_total"
BINDS = "tcp_pressure_bind_failures_total"
BY_OWNER = "tcp_pressure_port_failure_owner_total"
CLOSES = "tcp_pressure_pool_active_closes_total"
CONNECT, BIND = 'call="connect"', 'call="bind"'
NO_PORT = 'cause="no_port"'

RIGHTS = "the exporter needs root, or CAP_BPF and CAP_PERFMON, and Linux 6.1 or later"
UNCOUNTED = f"Nothing counts them on these hosts: {RIGHTS}. Its log says which is missing."
BIND_UNCOUNTED = (
    f"Nothing counts them on these hosts: {RIGHTS}, on a kernel that lets BPF programs attach to"
    " its functions. The exporter's log says which is missing."
)
PER_SECOND = "suffix:refused/s"
CLOSES_PER_SECOND = "suffix:closes/s"
