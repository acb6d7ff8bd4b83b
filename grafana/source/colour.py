"""Colours that mean the same on every dashboard, by Grafana's own names, which suit both themes."""

OK, ATTENTION, DANGER, NEUTRAL = "green", "orange", "red", "blue"
CLEAR = "transparent"

STATES = {
    "established": "green",
    "listen": "dark-green",
    "syn_sent": "yellow",
    "syn_recv": "dark-yellow",
    "fin_wait1": "light-blue",
    "fin_wait2": "dark-blue",
    "closing": "purple",
    "last_ack": "dark-purple",
    "time_wait": "orange",
    "close_wait": "red",
    "close": "light-purple",
}
DIRECTIONS = {"outbound": "blue", "inbound": "purple", "source": "dark-yellow", "nat": "orange"}
CAUSES = {
    "not_closed": "red",
    "eof_unread": "orange",
    "peer_gone": "blue",
    "window_closed": "purple",
}
SEVERITIES = {"critical": "red", "warning": "orange", "info": "blue"}
FAMILIES = {"ipv4": "blue", "ipv6": "purple"}
# A pool's ports, wherever they are drawn.
PORTS = {"limit": "red", "used": "blue", "TIME_WAIT": "orange", "reclaimable": "green"}
# The two ends of a connection, and what each refuses.
ENDS = {"client": "blue", "server": "purple"}
