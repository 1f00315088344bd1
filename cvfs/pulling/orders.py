"""What a pull has to do: values that the plan makes and the rest works through."""

from __future__ import annotations

from dataclasses import dataclass, field

from cvfs.model import Content
from cvfs.pulling.result import Failure
from cvfs.pulling.roots import RootDirectory
from cvfs.workspace.file_state import FileState
from cvfs.workspace.placing import Anything
from cvfs.workspace.stat_cache import Known


@dataclass(slots=True)
class OutPlan:
    """What is to be done for one out. ``existed`` says that something was at its path before, ``touched`` that some of
    it was done. ``removals`` come before anything is placed, because a file may be where a directory is needed.
    """

    path: str
    is_directory: bool
    existed: bool
    orders: list[Order] = field(default_factory=list)
    removals: list[InPlace] = field(default_factory=list)
    executables: list[InPlace] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    touched: bool = False

    @property
    def shown(self) -> str:
        """Return the path as people are shown it."""
        return f"{self.path}/" if self.is_directory else self.path


@dataclass(frozen=True, slots=True)
class Order:
    """One file that is to be placed. ``path`` is relative to its DVC root, ``shown`` to the top of the work tree.

    ``over`` is the state of the file that it may replace, None where nothing may be.
    """

    out: OutPlan
    root: RootDirectory
    path: str
    shown: str
    content: Content
    isexec: bool
    over: FileState | Anything | None

    @property
    def size(self) -> int:
        """Return the number of bytes, 0 where it is not known."""
        return self.content.size or 0


@dataclass(frozen=True, slots=True)
class InPlace:
    """One file that is there, has the state ``state``, and is to be dealt with where it is. Paths as in ``Order``."""

    out: OutPlan
    root: RootDirectory
    path: str
    shown: str
    state: FileState
    known: Known
