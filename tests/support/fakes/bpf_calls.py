"""Kernels that refuse bpf(2), at one step or another."""

import errno
import os
from collections.abc import Mapping, Sequence


class Refusing:
    """A kernel that loads nothing."""

    def __init__(self, code: int = errno.EPERM) -> None:
        self._code = code

    def load(self, _name: str, /) -> dict[str, int]:
        raise OSError(self._code, os.strerror(self._code))

    def attach(self, _program: int, /) -> int:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    def run(self, _program: int, _arguments: bytes = b"", /) -> int:
        return 0

    def look_up(self, _table: int, _key: bytes, size: int, /) -> bytes:
        return bytes(size)

    def entries(
        self, _table: int, _key_size: int, _value_size: int, _most: int, /
    ) -> list[tuple[bytes, bytes]]:
        return []

    def update(self, _table: int, _key: bytes, _value: bytes, /) -> None:
        return

    def delete_entries(self, _table: int, _keys: bytes, _key_size: int, /) -> None:
        return


class Unattachable(Refusing):
    """A kernel that loads objects of these programs, and attaches at most one of them.

    Descriptors are 10, 11 and so on, those of the next object 20, 21: 110 attaches 10.
    """

    def __init__(
        self, programs: Mapping[str, Sequence[str]], attachable: int | None = None
    ) -> None:
        super().__init__()
        self._descriptors = {
            name: {program: 10 * number + place for place, program in enumerate(found)}
            for number, (name, found) in enumerate(programs.items(), 1)
        }
        self._attachable = attachable

    def load(self, name: str, /) -> dict[str, int]:
        return dict(self._descriptors[name])

    def attach(self, program: int, /) -> int:
        return program + 100 if program == self._attachable else super().attach(program)
