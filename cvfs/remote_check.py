"""Find out whether a remote can be used: reached, versioned, written, and read by version.

The one way to know whether writing works is to write. That takes a small object, always of the same name and content,
so that a remote has at most one of it (each check adds a version). It is never deleted, because a push does not need
that permission. Where old objects may be lost it is only ever created, not overwritten.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from enum import Enum

from cvfs.clone import Clone
from cvfs.errors import (
    AccessDeniedError,
    CvfsError,
    KeyTakenError,
    RemoteError,
    StoreError,
    VersioningOffError,
    VersionNotFoundError,
    WorkspaceError,
)
from cvfs.metafiles.config import Level, RemoteConfig, Value
from cvfs.stores.registry import open_store
from cvfs.stores.retry import RetryPolicy
from cvfs.stores.store import Stat, Store, Versioning

PROBE = ".cvfs-check"
CONTENT = b"`cvfs remote check` has written this to see whether it may. Nothing reads it but the next check.\n"

#: Somebody is waiting for the answer, and can ask again.
_PATIENCE = RetryPolicy(attempts=3, first_pause=0.2, longest_pause=1.0, total_time=15.0)


class State(Enum):
    """How one check ended."""

    OK = "ok"
    FAILED = "failed"
    #: What came before did not allow it.
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check, in a sentence; ``hint`` says what to do."""

    check: str
    state: State
    message: str
    hint: str | None = None


def check_remote(
    clone: Clone, place: str, name: str | None = None, *, trusted: bool = False, enable: bool = False
) -> Iterator[Finding]:
    """Check a remote, and yield each result as soon as it is known. Blocking.

    ``place`` is a path in the work tree: its DVC root says which remote ``name`` is, or which is the default one.
    ``enable`` turns versioning on where the store can do that. At most one small object is written.
    """
    try:
        remote = _configured(clone, place, name)
        aware = remote.version_aware
        store = open_store(_with_versions(remote), trusted=trusted, policy=_PATIENCE)
    except CvfsError as error:
        yield _failed("remote", error)
        return
    with closing(store):
        yield Finding("remote", State.OK, f"{remote.name}: {store.url}")
        if not aware:
            yield Finding(
                "configuration",
                State.FAILED,
                "version_aware is not set: neither cvfs nor DVC would record versions",
                f"cvfs remote modify {remote.name} version_aware true",
            )
        yield from _check_store(store, remote, enable=enable)


def _configured(clone: Clone, place: str, name: str | None) -> RemoteConfig:
    config = clone.configs[_root_of(clone, place)]
    wanted = name or config.default_remote
    if wanted is None:
        known = ", ".join(config.remote_names()) or "none"
        raise RemoteError("there is no default remote", hint=f"name one of the configured remotes: {known}")
    return config.remote(wanted)


def _root_of(clone: Clone, place: str) -> str:
    """Return the innermost DVC root that holds ``place``, or the only one there is."""
    path = clone.tree.relative(place)
    above = [root for root in clone.roots if root in {"", path} or path.startswith(f"{root}/")]
    if not above and len(clone.roots) == 1:
        return clone.roots[0]
    if not above:
        raise WorkspaceError(
            f"{place} is in none of the DVC repositories here", hint=f"go into one of them: {', '.join(clone.roots)}"
        )
    return max(above, key=len)


def _with_versions(remote: RemoteConfig) -> RemoteConfig:
    """Return the remote as it would be with ``version_aware``, which may be what is still missing."""
    on = Value("true", Level.OVERRIDE, "cvfs remote check")
    return replace(remote, options={**remote.options, "version_aware": on})


def _check_store(store: Store, remote: RemoteConfig, *, enable: bool) -> Iterator[Finding]:
    yield (access := _access(store, remote))
    if access.state is State.FAILED:
        yield from _not_tried("connection", "versioning", "write", "read")
        return
    try:
        versioning = store.versioning()
    except StoreError as error:
        yield _failed("connection", error)
        yield from _not_tried("versioning", "write", "read")
        return
    yield Finding("connection", State.OK, "the store answers")
    refused: StoreError | None = None
    if enable and versioning is not Versioning.ON:
        try:
            store.enable_versioning()
            versioning = store.versioning()
        except StoreError as error:
            refused = error
    if versioning is Versioning.OFF:
        yield _off(remote, refused)
        yield from _not_tried("write", "read")
        return
    if versioning is Versioning.UNTOLD:
        yield _untold(refused)
        yield from _not_tried("write", "read")
        return
    if versioning is Versioning.ON:
        yield Finding("versioning", State.OK, "on")
    yield from _write_and_read(store, refused, known=versioning is Versioning.ON)


def _access(store: Store, remote: RemoteConfig) -> Finding:
    """Look for what the store needs before it can be asked: credentials, or its directory."""
    local = remote.scheme in {"", "file"}
    check = "directory" if local else "credentials"
    try:
        store.check()
    except VersionNotFoundError:
        return Finding(check, State.OK, "it is not there yet, and is made now; if it should be: is its volume mounted?")
    except StoreError as error:
        return _failed(check, error)
    return Finding(check, State.OK, "it is there" if local else "nothing is missing")


def _off(remote: RemoteConfig, refused: StoreError | None) -> Finding:
    if refused is not None:
        return _failed("versioning", refused)
    return Finding(
        "versioning",
        State.FAILED,
        "off: what is overwritten is lost, so nothing is pushed there",
        f"turn it on: cvfs remote check {remote.name} --enable",
    )


def _write_and_read(store: Store, refused: StoreError | None, *, known: bool) -> Iterator[Finding]:
    written: Stat | None = None
    try:
        written = store.put(PROBE, CONTENT, create_only=not known and _current(store) is None)
    except VersioningOffError as error:
        if known:
            later = "if versioning was turned on a moment ago, check again in 15 minutes: S3 needs that long"
            yield Finding("write", State.FAILED, error.message, later)
        else:
            yield _failed("versioning", refused or error)
            yield Finding("write", State.OK, f"{store.full_key(PROBE)!r}, which stays")
    except KeyTakenError:
        yield _unknown(store, refused)
        yield from _not_tried("write")
    except StoreError as error:
        if not known:
            yield Finding("versioning", State.NOT_TRIED, "these credentials may not ask, and no upload tells")
        yield _failed("write", error)
    else:
        if not known:
            yield Finding("versioning", State.OK, "on, as the answer to the write tells; the setting may not be asked")
        yield Finding("write", State.OK, f"{store.full_key(PROBE)!r}, version {written.version_id!r}, which stays")
    # Who may not write can still read what an earlier check has written.
    yield _read(store, written or _current(store))


def _read(store: Store, version: Stat | None) -> Finding:
    if version is None or version.version_id is None:
        return Finding("read", State.NOT_TRIED, "there is no version that could be read")
    try:
        data = store.read(PROBE, version.version_id).data
    except StoreError as error:
        return _failed("read", error)
    if data != CONTENT:
        return Finding("read", State.FAILED, f"{store.full_key(PROBE)!r}: other bytes came back than were written")
    return Finding("read", State.OK, f"{store.full_key(PROBE)!r} by its version")


def _current(store: Store) -> Stat | None:
    """Return what an earlier check has written, if it has a version."""
    try:
        found = store.stat(PROBE)
    except (VersionNotFoundError, AccessDeniedError):
        return None
    return found if found.version_id is not None else None


def _untold(refused: StoreError | None) -> Finding:
    hint = "let these credentials ask for it (Google Cloud Storage: storage.buckets.get); a push needs to know"
    message = "cannot be found out: these credentials may not ask, and no upload would tell"
    return Finding("versioning", State.FAILED, message, refused.hint if refused and refused.hint else hint)


def _unknown(store: Store, refused: StoreError | None) -> Finding:
    hint = "let these credentials ask for it (S3: s3:GetBucketVersioning)"
    return Finding(
        "versioning",
        State.FAILED,
        f"cannot be found out: {store.full_key(PROBE)!r} is there and shows no version, and nothing is overwritten",
        refused.hint if refused and refused.hint else hint,
    )


def _failed(check: str, error: CvfsError) -> Finding:
    return Finding(check, State.FAILED, error.message, error.hint)


def _not_tried(*checks: str) -> Iterator[Finding]:
    for check in checks:
        yield Finding(check, State.NOT_TRIED, "what came before has to work first")
