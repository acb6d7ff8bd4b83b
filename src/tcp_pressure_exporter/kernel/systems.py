"""The systems by name, and what their vendors allow: for who judges settings without asking."""

LINUX = "linux"
WINDOWS = "windows"
SOLARIS, SOLARIS_11_4 = "solaris", "solaris 11.4"
BSD, MACOS = "bsd", "macos"

# Windows, in the registry.
TIMED_WAIT_DELAY = "TcpTimedWaitDelay"
LEAST_DELAY, MOST_DELAY = 30, 300  # seconds
MAX_USER_PORT = "MaxUserPort"

# Solaris, as ndd calls it; milliseconds. Oracle's Tunable Parameters Reference Manuals say "not
# lower than" 60 s up to Solaris 11.3 and 10 s for 11.4. illumos says nothing: as before 11.4.
TIME_WAIT_INTERVAL = "tcp_time_wait_interval"
LEAST_TIME_WAIT_INTERVAL = {SOLARIS: 60_000, SOLARIS_11_4: 10_000}
