"""From an import's URL to the store behind it, and to the current versions of what is there.

``s3://BUCKET/PATH`` is read with the user's own credentials and no options, as in DVC; ``remote://NAME/PATH`` with all
options of the remote, below its URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass

from cvfs.errors import RemoteError, VersioningOffError, VersionNotFoundError, WorkspaceError
from cvfs.metafiles.config import Config, Level, RemoteConfig, Value
from cvfs.metafiles.records import Recorded
from cvfs.snapshot.intake import safe_components
from cvfs.stores.registry import open_store
from cvfs.stores.store import Stat, Store

_REMOTE = re.compile(r"remote://([^/]+)(?:/(.*))?", re.IGNORECASE | re.DOTALL)
_OBJECT = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/]*)/?(.*)", re.DOTALL)
#: Names that cannot be recorded are told one by one up to this number.
_TOLD = 5


@dataclass(frozen=True, slots=True)
class Source:
    """What a URL stands for: an object, or all below a prefix. ``key`` is relative to the store, '' for all of it."""

    url: str
    store: Store
    key: str
    wants_directory: bool

    def key_of(self, relpath: str) -> str:
        """Return the key of a file of the import, '' being the import itself."""
        return "/".join(part for part in (self.key, relpath) if part)


@dataclass(frozen=True, slots=True)
class Found:
    """What is at a URL now, by relpath; an object that was named itself has the relpath ''."""

    is_directory: bool
    files: Mapping[str, Recorded]


@contextmanager
def open_source(url: str, config: Config, options: Mapping[str, str], *, trusted: bool) -> Iterator[Source]:
    """Open the store of an import's URL, without asking it anything. ``options`` come from the metafile.

    Raises:
        RemoteError, ConfigError, TrustError: it is no URL that cvfs can import from.
    """
    remote, key = _locate(url, config)
    if options:
        given = {name: Value(text, Level.COMMIT, f"fs_config of {url}") for name, text in options.items()}
        remote = RemoteConfig(remote.name, remote.url, {**remote.options, **given}, remote.confirmed, remote.address)
    with closing(open_store(remote, trusted=trusted)) as store:
        yield Source(url, store, key.strip("/"), not key or key.endswith("/"))


def _locate(url: str, config: Config) -> tuple[RemoteConfig, str]:
    reference = _REMOTE.fullmatch(url)
    if reference is not None:
        return config.remote(reference[1]), reference[2] or ""
    found = _OBJECT.fullmatch(url)
    if found is None or found[1].lower() == "file://":
        raise RemoteError(
            f"{url} is a place on this machine, of which no versions are known",
            hint="copy the data here and `cvfs add` it; or make the directory a version-aware remote and import "
            "remote://NAME/PATH",
        )
    if "versionid=" in found[3].lower().rpartition("?")[2] and "?" in found[3]:
        raise RemoteError(f"{url} names one version", hint="leave that out: an import records the present versions")
    return RemoteConfig(url, found[1] + found[2]), found[3]


def look(source: Source) -> Found:
    """Ask for the current versions of all that the URL stands for. Blocking.

    What tools leave to mark a directory (a key that ends in a slash) is passed over.

    Raises:
        VersionNotFoundError: there is nothing.
        VersioningOffError: an object has no version id, and so could not be read again once it is overwritten.
        WorkspaceError: a name cannot be recorded.
        StoreError: the store refuses, or cannot be reached.
    """
    # In the order of keys the object itself comes before all that lie below it.
    first = None if source.wants_directory else next(iter(source.store.listing(source.key)), None)
    if first is not None and first.key == source.key:
        return Found(False, {"": _recorded(source, "", first.stat)})
    prefix = f"{source.key}/" if source.key else ""
    files: dict[str, Recorded] = {}
    refused: list[str] = []
    for listed in source.store.listing(prefix):
        if listed.key.endswith("/"):
            continue
        relpath = listed.key[len(prefix) :]
        reason = _objection(relpath)
        if reason is None:
            files[relpath] = _recorded(source, relpath, listed.stat)
        else:
            refused.append(f"{listed.key!r}: {reason}")
    refused += [f"{source.key_of(path)!r}: it is a file and a directory" for path in _both_kinds(files)]
    if refused:
        more = [f"and {len(refused) - _TOLD} more"] if len(refused) > _TOLD else []
        raise WorkspaceError("\n  ".join([f"{source.url} cannot be imported:", *refused[:_TOLD], *more]))
    if not files:
        raise VersionNotFoundError(f"there is nothing at {source.url}")
    return Found(True, files)


def _recorded(source: Source, relpath: str, stat: Stat) -> Recorded:
    if stat.version_id in (None, "", "null"):
        raise VersioningOffError(
            f"{source.store.url}: {source.key_of(relpath)!r} has no version id: versioning was off when it was written",
            hint="turn versioning on (`cvfs remote check --enable`), and then copy the object onto itself",
        )
    return Recorded(size=stat.size, version_id=stat.version_id, etag=stat.etag)


def _objection(relpath: str) -> str | None:
    try:
        safe_components(relpath)
        relpath.encode("utf-8")
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    except ValueError as error:
        return str(error)
    return None


def _both_kinds(files: Mapping[str, Recorded]) -> list[str]:
    directories = set()
    for relpath in files:
        while relpath := relpath.rpartition("/")[0]:
            directories.add(relpath)
    return sorted(directories & files.keys())
