"""Whose a socket is: the service by its cgroup, the process by its descriptors.

Here may live the walks over cgroups and /proc/PID/fd, each paid from an allowance of CPU.
"""
