"""An initramfs is what Documentation/driver-api/early-userspace/buffer-format.rst describes."""

from pathlib import Path

from tests.kernels.initramfs import Initramfs


def names(archive: bytes) -> list[str]:
    """Return the names in an archive, finding each record by the sizes of the previous one."""
    found, place = [], 0
    while True:
        assert archive[place : place + 6] == b"070701"
        fields = [int(archive[place + n : place + n + 8], 16) for n in range(6, 110, 8)]
        size, name_size = fields[6], fields[11]
        found.append(archive[place + 110 : place + 109 + name_size].decode())
        if found[-1] == "TRAILER!!!":
            return found[:-1]
        place += (110 + name_size + 3 & ~3) + (size + 3 & ~3)


def test_links(tmp_path: Path) -> None:
    """A path through links brings the links and the file; a folder comes before its files."""
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/libc.so.6").write_bytes(b"odd")
    (tmp_path / "lib").symlink_to("usr/lib")
    (tmp_path / "lib/libc.so").symlink_to("libc.so.6")
    (tmp_path / "nowhere").symlink_to("gone")
    tree = Initramfs(tmp_path)
    for path in ("/lib/libc.so", "/nowhere"):
        tree.add(Path(path))
    tree.put("/plan.json", b"[]")
    assert names(tree.archive()) == [
        *(".", "lib", "nowhere", "plan.json"),
        *("usr", "usr/lib", "usr/lib/libc.so", "usr/lib/libc.so.6"),
    ]
