"""What ``-o`` says: options of ours spelled for mount(8) and fstab, and the rest for the kernel."""

from __future__ import annotations

from dataclasses import dataclass

from .parameters import split_mount_options

#: Options of the command that ``-o NAME=VALUE`` may give as well.
MOUNT_WORDS = frozenset(
    ("cache_dir", "dir_mode", "file_mode", "gid", "log_file", "max_cache_size", "min_free_space", "subdir", "uid")
)


@dataclass(frozen=True, slots=True)
class MountWords:
    """``given`` are values of our own options by name; ``kernel`` is what the kernel or FUSE is to be told."""

    given: dict[str, str]
    kernel: tuple[str, ...]


def split_mount_words(texts: tuple[str, ...]) -> MountWords:
    """Tell our own options from the kernel's."""
    given: dict[str, str] = {}
    kernel: list[str] = []
    for name, value in split_mount_options(texts).items():
        if value is not None and name in MOUNT_WORDS:
            given[name] = value
        else:
            kernel.append(name if value is None else f"{name}={value}")
    return MountWords(given, tuple(kernel))
