"""The owner of a socket: the service by its cgroup, the process by its descriptors.

The walks over cgroups and /proc/PID/fd may live here, each paid for from an allowance of CPU.
"""
