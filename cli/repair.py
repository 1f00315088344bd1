"""The end of ``cvfs check --repair``: what was made anew, and what was not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing

import click

from cvfs.cache.cache import Cache
from cvfs.checking.findings import Finding
from cvfs.clone import open_clone
from cvfs.opening import CommitRequest
from cvfs.repair import Repaired, repair

from .failures import tell_failures
from .messages import complain
from .next_step import git_add
from .progress import watching

#: So many of what was left are told one by one; the rest are counted.
_TOLD = 20


def repair_and_tell(findings: Sequence[Finding], request: CommitRequest, *, as_json: bool) -> bool:
    """Repair what was found and say what came of it. Returns whether nothing is left."""
    overrides, trusted = request.overrides, request.trust_config
    with (
        open_clone(request.env, request.repository, overrides, trust_config=trusted) as clone,
        closing(Cache(request.cache_path, request.limits())) as cache,
    ):
        with watching(as_json=as_json) as progress:
            repaired = repair(clone, findings, cache, progress)
        staging = "" if repaired.pushed.staged else git_add(clone.tree, repaired.pushed.recorded)
    _complain_of_the_rest(repaired)
    count = len(repaired.pushed.sent)
    if as_json:
        versions = {sent.path: sent.version_id for sent in repaired.pushed.sent}
        click.echo(json.dumps({"event": "repaired", "versions": versions, "whole": repaired.is_whole}))
    elif count:
        click.echo(f"{count} version{'s' if count > 1 else ''} made anew")
        click.echo(f"next: {staging}, and git commit" if staging else "staged; next: git commit")
    return repaired.is_whole


def _complain_of_the_rest(repaired: Repaired) -> None:
    for finding, reason in repaired.left[:_TOLD]:
        complain(f"{finding.path} is not repaired: {reason}")
    if len(repaired.left) > _TOLD:
        complain(f"{len(repaired.left) - _TOLD} more are not repaired")
    tell_failures([(failure.path, failure.error) for failure in repaired.pushed.failures])
