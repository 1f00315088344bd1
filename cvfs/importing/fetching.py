"""Fetch versions of an import's source into the work tree, with what also pulls and mounts fetch with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from cvfs.cache.cache import Cache
from cvfs.errors import CvfsError
from cvfs.fetch.fetcher import Fetcher
from cvfs.fetch.lanes import Limits
from cvfs.fetch.local_copies import LocalCopies
from cvfs.importing.contents import Step
from cvfs.importing.source import Source
from cvfs.model import Addressing, Content, Version
from cvfs.progress import Progress
from cvfs.pulling.crew import Crew
from cvfs.pulling.delivery import Delivery
from cvfs.pulling.orders import Order, OutPlan
from cvfs.pulling.result import Failure
from cvfs.pulling.roots import RootDirectory
from cvfs.stores.store import Store
from cvfs.workspace.placing import Link


@dataclass(frozen=True, slots=True)
class Target:
    """Where an import goes: its DVC root, its path below that, and its path below the top of the work tree."""

    root: RootDirectory
    key: str
    shown: str

    def key_of(self, relpath: str) -> str:
        """Return the path of one of its files below the DVC root."""
        return f"{self.key}/{relpath}" if relpath else self.key


@dataclass(frozen=True, slots=True)
class Means:
    """What fetching takes: the user's cache, who watches, and how many files at once (None: as a mount does)."""

    cache: Cache
    progress: Progress
    jobs: int | None = None


@dataclass(frozen=True, slots=True)
class SourceRemotes:
    """The one store that an import's versions are in, as the remotes that a fetcher asks."""

    opened: Store

    def candidates(self, root: str, recorded: str | None, out_remote: str | None) -> list[str]:  # noqa: ARG002
        """Name the source."""
        return ["source"]

    def addressing(self, root: str, name: str) -> Addressing:  # noqa: ARG002
        """Tell that it is asked for versions only."""
        return Addressing.VERSIONS

    def store(self, root: str, name: str) -> Store:  # noqa: ARG002
        """Give its store."""
        return self.opened


@dataclass(slots=True)
class _Report:
    placed: list[Order] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def done(self, order: Order, *, fetched: bool) -> None:  # noqa: ARG002
        self.placed.append(order)

    def failed(self, order: Order, error: CvfsError) -> None:
        self.failures.append(Failure(order.shown, error))


def fetch(source: Source, target: Target, steps: Sequence[Step], means: Means) -> tuple[list[str], list[Failure]]:
    """Place the wanted version of each file; return the paths below the DVC root of those placed, and the failures.

    Each version is checked by its id, size and etag. Blocking.

    Raises:
        KeyboardInterrupt: every file is the old one or the new one.
    """
    if not steps:
        return [], []
    limits = Limits()
    if means.jobs is not None:
        limits = Limits(foreground=means.jobs, background=min(means.jobs, limits.background))
    fetcher = Fetcher(means.cache, SourceRemotes(source.store), LocalCopies([]), limits)
    plan = OutPlan(target.shown, is_directory=True, existed=True)
    orders = [_order(source, target, plan, step) for step in steps]
    report = _Report()
    with means.progress.task("fetching", len(orders), sum(order.size for order in orders)) as task:
        delivery = Delivery(means.cache, fetcher, Link.COPY, task)
        untried, reason = Crew(fetcher, delivery.bring, report, limits.foreground).work(orders)
    if untried and reason is not None:
        report.failures.append(Failure(f"{untried} more files", reason))
    return [order.path for order in report.placed], report.failures


def _order(source: Source, target: Target, plan: OutPlan, step: Step) -> Order:
    wanted = step.wanted
    assert wanted is not None
    assert wanted.version_id is not None
    version = Version(None, source.key_of(step.relpath), wanted.version_id, wanted.etag)
    shown = f"{target.shown}/{step.relpath}" if step.relpath else target.shown
    content = Content(wanted.size, None, None, version)
    return Order(plan, target.root, target.key_of(step.relpath), shown, content, isexec=False, over=step.over)
