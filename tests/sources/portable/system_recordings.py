"""What the programs of other systems print, as recorded by others; nothing was run here."""

# English and French: the tests of DataDog/datadog-agent for its parser of the same output. The
# Russian one is what a user of a Russian Windows recorded for a port check of his own.
DYNAMIC_PORTS = {
    "english": """
Protocol tcp Dynamic Port Range
---------------------------------
Start Port      : 49152
Number of Ports : 16384
""",
    "french": """
Plage de ports dynamique du protocole tcp
---------------------------------
Port de démarrage   : 49152
Nombre de ports     : 16384
""",
    "russian": """
Протокол tcp Динамический диапазон портов
---------------------------------
Начальный порт      : 49152
Число портов : 16384

""",
}

# "What is Administered port exclusions in windows 10?", a question on Stack Overflow.
EXCLUDED_PORTS = """

Protocol tcp Port Exclusion Ranges

Start Port    End Port
----------    --------
      5357        5357
      9800        9800
      9801        9801
     49671       49770
     49871       49970
     50000       50059     *
     61117       61216
     61220       61319
     61902       62001

* - Administered port exclusions.

"""

# The names and values of `ipadm show-prop -p smallest_anon_port,largest_anon_port tcp` on Solaris
# 11, recorded in an installation guide of Oracle's database, in the form that ipadm(8) describes
# for -c: fields separated by colons. The time is the default of Oracle's reference manual.
SOLARIS_11_4_PROPERTIES = """\
_time-wait-interval:60000
smallest-anon-port:32768
largest-anon-port:65535
"""
# The same on illumos, whose ipadm keeps underscores.
ILLUMOS_PROPERTIES = SOLARIS_11_4_PROPERTIES.replace("-", "_")

# FreeBSD 12.2 (a list of its settings on a Raspberry Pi), and its default net.inet.tcp.msl.
FREEBSD_SETTINGS = """\
net.inet.ip.portrange.first: 10000
net.inet.ip.portrange.last: 65535
net.inet.tcp.msl: 30000
"""

# macOS: OCSInventory-NG/UnixAgent, issue 436, and the same values in many notes on benchmarks.
MACOS_SETTINGS = """\
net.inet.ip.portrange.first: 49152
net.inet.ip.portrange.last: 65535
net.inet.tcp.msl: 15000
"""

# OpenBSD: an example on a mailing list about ranges of local ports.
OPENBSD_SETTINGS = """\
net.inet.ip.portfirst=1024
net.inet.ip.portlast=49151
"""
