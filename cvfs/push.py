"""Upload what is new or changed in the work tree, and record the versions in the metafiles.

Nothing is listed, nothing is deleted, and what is absent stays as it is recorded. Each DVC root is pushed by itself,
under its lock; its metafiles are replaced when all uploads are done or have failed.
"""

from __future__ import annotations

from contextlib import ExitStack

from cvfs.clone import Clone
from cvfs.progress import Progress, Silence
from cvfs.pushing.outcome import Pushed
from cvfs.pushing.request import PushRequest
from cvfs.pushing.root_push import RootPush
from cvfs.targets import Selection, select


def push(clone: Clone, request: PushRequest, progress: Progress | None = None) -> Pushed:
    """Push the targets, or everything that is tracked. Blocking.

    A file that fails does not stop the others: it is among the result's failures, and its entry stays as it was.

    Raises:
        TargetError: a target names nothing.
        RemoteError, ConfigError, TrustError: the remote is not one to push to.
        LockedError: another cvfs writes to this clone.
    """
    metafiles = list(clone.metafiles())
    selections = select(clone.tree, metafiles, request.targets)
    result = Pushed()
    for root in sorted({selection.metafile.root for selection in selections}):
        mine = [selection for selection in selections if selection.metafile.root == root]
        with ExitStack() as stack:
            if not request.dry_run:
                stack.enter_context(clone.locked(root))
                # What was read before the lock was ours may be old by now.
                mine = [_read_again(clone, selection) for selection in mine]
            cache = stack.enter_context(clone.stat_cache(root))
            tracked = [metafile for metafile in metafiles if metafile.root == root]
            RootPush(clone, root, tracked, request=request, progress=progress or Silence(), result=result).run(
                mine, cache
            )
    _stage(clone, result)
    # Uploads end in no particular order.
    result.sent.sort(key=lambda sent: sent.path)
    result.failures.sort(key=lambda failure: failure.path)
    return result


def _stage(clone: Clone, result: Pushed) -> None:
    """Stage what was recorded where DVC's ``core.autostage`` asks for it."""
    staged = [path for path, root in result.recorded.items() if clone.flag(root, "autostage")]
    if staged:
        clone.tree.index.add(staged)
        result.staged = len(staged) == len(result.recorded)


def _read_again(clone: Clone, selection: Selection) -> Selection:
    now = clone.tree.read(selection.metafile.source)
    if now.text == selection.metafile.text:
        return selection
    wanted = {(chosen.out.path, chosen.out.record.stage): chosen for chosen in selection.outs}
    outs = []
    for out in now.outs:
        chosen = wanted.get((out.path, out.record.stage))
        if chosen is not None:
            chosen.out = out
            outs.append(chosen)
    return Selection(now, outs)
