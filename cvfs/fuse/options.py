"""Mount options: what ``-o`` may say, and what the kernel is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cvfs.errors import MountError

#: Options that are bits of mount(2), from linux/mount.h. True sets the bit, False clears it.
_FLAGS = {
    "ro": (0x1, True),
    "nosuid": (0x2, True),
    "suid": (0x2, False),
    "nodev": (0x4, True),
    "dev": (0x4, False),
    "noexec": (0x8, True),
    "exec": (0x8, False),
    "noatime": (0x400, True),
    "atime": (0x400, False),
}
_DEFAULTS = ("ro", "nosuid", "nodev", "default_permissions")
#: Options of the FUSE file system itself that take effect on a mount like ours.
_WORDS = frozenset({"default_permissions", "allow_other"})


@dataclass(frozen=True, slots=True)
class MountOptions:
    """What one mount is made with. ``source`` is the name that it shows as its device."""

    source: str
    names: tuple[str, ...]

    @property
    def flags(self) -> int:
        """Return the bits for mount(2)."""
        return sum({bit for name, (bit, on) in _FLAGS.items() if on and name in self.names})

    @property
    def data(self) -> list[str]:
        """Return the options that the FUSE file system reads itself."""
        return [name for name in self.names if name not in _FLAGS]


def parse_options(source: str, given: Iterable[str], *, allow_other: bool = False) -> MountOptions:
    """Join the user's ``-o`` values (each ``k,k=v``) with the defaults; later ones win over earlier ones.

    Raises:
        MountError: an option is not known, or asks for something that this file system cannot do.
    """
    names = dict.fromkeys([*_DEFAULTS, *(["allow_other"] if allow_other else [])])
    for name in (word.strip() for value in given for word in value.split(",")):
        if not name:
            continue
        _check(name)
        bit, _ = _FLAGS.get(name, (None, None))
        for other in [other for other in names if bit is not None and _FLAGS.get(other, (None, None))[0] == bit]:
            del names[other]
        names[name] = None
    return MountOptions(source, tuple(names))


def _check(name: str) -> None:
    if name == "rw":
        raise MountError("the option rw is refused: a commit cannot be changed", hint="mount without -o rw")
    if name in _FLAGS or name in _WORDS:
        return
    known = ", ".join(sorted([*_FLAGS, *_WORDS]))
    raise MountError(f"unknown mount option {name!r}", hint=f"-o takes {known}")
