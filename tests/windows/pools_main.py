"""Prints the pools that Windows' Python sees, with a recorded netsh answer: wine's says nothing.

Arguments: the folders to import from, and the answer.
"""

import json
import sys
import time

sys.path[:0] = sys.argv[1:3]

# Found in these folders.
from tcp_pressure_exporter.pools.groups import RemoteGroups  # noqa: E402
from tcp_pressure_exporter.pools.listing import ListingRule  # noqa: E402
from tcp_pressure_exporter.sample.sample import POOLS  # noqa: E402
from tcp_pressure_exporter.sampling.parts.part import Memory  # noqa: E402
from tcp_pressure_exporter.sampling.parts.pools import PoolsPart  # noqa: E402
from tcp_pressure_exporter.sampling.sampler import NamespaceSampler  # noqa: E402
from tcp_pressure_exporter.settings.config import Config  # noqa: E402
from tcp_pressure_exporter.sources.portable.windows import WindowsFacts  # noqa: E402
from tcp_pressure_exporter.sources.systems.portable import foreign_sources  # noqa: E402

answer = sys.argv[3].replace("|", "\r\n")
facts = WindowsFacts(run=lambda arguments: answer if "dynamicport" in arguments else "")
sources, memory = foreign_sources(facts, "no netlink here"), Memory()
parts = {POOLS: PoolsPart(memory)}
sampler = NamespaceSampler("windows", sources, memory, parts, time.monotonic)
sample = sampler.take(Config(ListingRule(top=100, min_ratio=0), RemoteGroups()))
pools = [
    (
        *(direction, pool.local_address, pool.remote_address, pool.port),
        *(pool.usage.used, pool.usage.limit, pool.usage.time_wait),
    )
    for direction, table in sample.get(POOLS).items()
    for pool in table.listed
]
print(json.dumps(sorted(pools)))  # noqa: T201 - for the test that started this
