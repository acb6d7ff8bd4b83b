"""What a cgroup's path says of whose it is: the name of a systemd unit or of a container.

Sources: systemd.unit(5) for the names of units, which systemd gives to their cgroups; the cgroup
drivers of the container runtimes, named beside each pattern.
"""

import re

MAX_NAME = 63  # characters

# A directory that a container runtime makes for one container. What tells the container apart is
# the only group of its alternative.
CONTAINER = re.compile(
    r"""
    /(?:
    # docker, containerd, CRI-O, podman, nerdctl. runc's systemd driver calls the scope PREFIX-ID
    # (docs/systemd.md of runc). Its cgroupfs driver takes what it is given: ID, PREFIX-ID, or
    # SLICE:PREFIX:ID where kubelet means the other driver.
      (?: [^/]*: | (?:docker|cri-containerd|crio|libpod|nerdctl)- )?
      ([0-9a-f]{12}) [0-9a-f]{52} (?:\.scope)?
    # LXC, LXD and Proxmox: from LXC 4.0 on, LXC 3.1, before (src/lxc/cgroups/cgfsng.c).
    | lxc (?: \.payload\. | \.payload/ | / ) ([^/]+)
    # systemd-nspawn as a service, and as registered with systemd-machined(8). libvirt registers
    # its virtual machines there too, but those are no containers.
    | systemd-nspawn@ ([^/]+) \.service
    | machine- (?!qemu\\x2d) ([^/]+) \.scope
    )(?![^/])
    """,
    re.VERBOSE,
)
UNIT = re.compile(r"[^/]+\.(?:service|scope|socket|mount|swap)")


def service_name(cgroup_path: str) -> str:
    """Return the innermost container of a cgroup's path, else its innermost systemd unit.

    A container is `container:` and the first 12 digits of its id, or its name. A unit keeps
    systemd's escapes. A path with neither is returned without its leading slash, so the root is "".

    At most 63 characters: a name keeps its beginning, a path its end. Nothing is escaped, and
    whoever may make cgroups chooses their names: this tells whose a socket is, it proves nothing.
    """
    containers: list[tuple[str, ...]] = CONTAINER.findall(cgroup_path)
    if containers:
        return ("container:" + "".join(containers[-1]))[:MAX_NAME]
    units = [part for part in cgroup_path.split("/") if UNIT.fullmatch(part)]
    if units:
        return units[-1][:MAX_NAME]
    return cgroup_path.removeprefix("/")[-MAX_NAME:]
