"""Carry a pull out: plan every out, then make way, then fetch and place all files at once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from cvfs.cache.cache import Cache
from cvfs.errors import CvfsError, MetafileError, TargetError, WorkspaceError
from cvfs.fetch.fetcher import Fetcher
from cvfs.fetch.identity import flight_key
from cvfs.metafiles.records import Source
from cvfs.progress import Progress
from cvfs.pulling.crew import Crew
from cvfs.pulling.delivery import Delivery
from cvfs.pulling.leftovers import remove_leftovers, temporary_files
from cvfs.pulling.orders import Order, OutPlan
from cvfs.pulling.plan import Planner
from cvfs.pulling.result import Failure, Pulled
from cvfs.pulling.roots import RootDirectory
from cvfs.pulling.stored import Stored
from cvfs.targets import SelectedOut, Selection
from cvfs.workspace.placing import Link


class Execution:
    """One pull: ``plan``, then ``carry_out``, then ``result``. It is the crew's ``Report``, too."""

    def __init__(
        self,
        roots: Mapping[str, RootDirectory],
        progress: Progress,
        fetcher: Fetcher,
        cache: Cache,
        *,
        revision: str | None,
        named: bool,
        force: bool,
        link: Link,
    ) -> None:
        """Work in ``roots``, by their names. ``named`` says that the user named targets."""
        self._roots = roots
        self._revision = revision
        self._named = named
        self._force = force
        self._link = link
        self._progress = progress
        self._fetcher = fetcher
        self._cache = cache
        self._plans: list[OutPlan] = []
        self._result = Pulled()
        self._counts: Counter[str] = Counter()
        self._fetched: set[object] = set()

    def plan(
        self,
        selections: Iterable[Selection],
        outs: Iterable[str],
        stored: Stored,
        unlisted: Mapping[str, str],
    ) -> None:
        """Compare everything with the work tree. Nothing is changed yet. ``unlisted`` is as for ``Planner``.

        Raises:
            TargetError: a target names nothing.
        """
        beside: set[tuple[str, str]] = set()
        with self._progress.task("comparing") as task:
            planner = Planner(outs, stored, unlisted, named=self._named, force=self._force, progress=task.advance)
            for selected in self._wanted(selections):
                out = selected.out
                root = self._roots.get(out.root)
                try:
                    if root is None:
                        raise WorkspaceError(
                            f"it belongs to the DVC repository {out.root!r}, which the work tree does not have",
                            hint=f"`git checkout {self._revision}` brings it",
                        )
                    plan = planner.plan(selected, root)
                except TargetError:
                    raise
                except CvfsError as error:
                    self._result.failures.append(Failure(out.path, error))
                    continue
                self._plans.append(plan)
                if not plan.is_directory:
                    beside.add((out.root, os.path.dirname(out.key())))
        for name, directory in sorted(beside):
            remove_leftovers(self._roots[name], temporary_files(self._roots[name], directory))

    def carry_out(self, workers: int) -> None:
        """Do what was planned. Raises KeyboardInterrupt."""
        for plan in self._plans:
            self._change_in_place(plan)
        orders = [order for plan in self._plans for order in plan.orders]
        if not orders:
            return
        with self._progress.task("fetching", len(orders), sum(order.size for order in orders)) as task:
            delivery = Delivery(self._cache, self._fetcher, self._link, task)
            untried, reason = Crew(self._fetcher, delivery.bring, self, workers).work(orders)
        if untried and reason is not None:
            files = "1 more file was" if untried == 1 else f"{untried} more files were"
            self._result.notes.append(f"{files} not tried, since it would be in vain: {reason.message}")

    def result(self) -> Pulled:
        """Sum it up."""
        result = self._result
        for plan in self._plans:
            result.failures += plan.failures
            result.notes += plan.notes
            if plan.touched:
                (result.modified if plan.existed else result.added).append(plan.shown)
        self._counts["fetched"] = len(self._fetched)
        result.files = {name: self._counts[name] for name in result.files}
        for told in (result.modified, result.added):
            told.sort(key=lambda out: (not out.endswith("/"), out))
        result.failures.sort(key=lambda failure: failure.path)
        return result

    def done(self, order: Order, *, fetched: bool) -> None:
        """Count a file that is in place."""
        self._counts["added" if order.over is None else "modified"] += 1
        order.out.touched = True
        if fetched:
            self._fetched.add(flight_key(order.content))

    def failed(self, order: Order, error: CvfsError) -> None:
        """Take in that a file is not in place."""
        order.out.failures.append(Failure(order.shown, error))

    def _wanted(self, selections: Iterable[Selection]) -> Iterator[SelectedOut]:
        """Yield the outs that are a pull's business, each path once."""
        seen: set[str] = set()
        for selection in selections:
            for problem in selection.metafile.problems:
                where = problem.path if problem.line is None else f"{problem.path}:{problem.line}"
                self._result.failures.append(Failure(where, MetafileError(problem.reason)))
            for selected in selection.outs:
                out = selected.out
                if out.record.source is Source.GIT:
                    if self._named:
                        self._result.notes.append(f"{out.path} was passed over: git has it (cache: false)")
                elif out.path in seen:
                    self._result.notes.append(f"{out.metafile}: {out.path} is tracked by another metafile as well")
                else:
                    seen.add(out.path)
                    yield selected

    def _change_in_place(self, plan: OutPlan) -> None:
        for file in plan.removals:
            with self._telling(plan, file.shown):
                file.root.placer.remove(file.path, expected=file.state)
                file.root.stat_cache.forget([file.path])
                self._counts["deleted"] += 1
                plan.touched = True
        for file in plan.executables:
            with self._telling(plan, file.shown):
                state = file.root.placer.make_executable(file.path, expected=file.state)
                file.root.note(file.path, state, replace(file.known, isexec=True))
                self._counts["modified"] += 1
                plan.touched = True

    @contextmanager
    def _telling(self, plan: OutPlan, path: str) -> Iterator[None]:
        try:
            yield
        except CvfsError as error:
            plan.failures.append(Failure(path, error))
