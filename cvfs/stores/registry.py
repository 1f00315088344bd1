"""From a remote of the configuration to its store, and from a file's record to the remotes that may have it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module

from cvfs.errors import CvfsError, RemoteError
from cvfs.metafiles.config import Config, RemoteConfig
from cvfs.metafiles.trust import check_trust
from cvfs.model import Addressing
from cvfs.stores.local import DirectoryStore, LocalStore
from cvfs.stores.retry import RetryingStore, RetryPolicy
from cvfs.stores.store import Store

#: Packages with ``open_remote(RemoteConfig) -> Store`` for a scheme; loaded when a remote needs one, because each loads
#: an SDK.
_PACKAGES = {
    "azure": "cvfs.stores.azure",
    "gs": "cvfs.stores.gcs",
    "s3": "cvfs.stores.s3",
    "http": "cvfs.stores.http",
    "https": "cvfs.stores.http",
    "ssh": "cvfs.stores.ssh",
}


def open_store(remote: RemoteConfig, *, trusted: bool, policy: RetryPolicy | None = None) -> Store:
    """Make the store that ``remote`` describes, without asking it anything. ``policy`` says how patient it is.

    Raises:
        TrustError: a repository's value needs the user's word, and ``trusted`` is false.
        ConfigError, RemoteError: its URL or options cannot be used.
    """
    check_trust(remote, trusted)
    if remote.scheme in {"", "file"}:
        return RetryingStore(_open_local(remote), policy)
    if remote.scheme not in _PACKAGES:
        raise RemoteError(f"remote {remote.name!r} ({remote.url}): not supported yet: {remote.scheme}")
    store: Store = import_module(_PACKAGES[remote.scheme]).open_remote(remote)
    return RetryingStore(store, policy)


def _open_local(remote: RemoteConfig) -> Store:
    directory = remote.url.partition("://")[2] or remote.url
    if remote.version_aware:
        return LocalStore(directory)
    return DirectoryStore(directory)


def full_key(remote: RemoteConfig, key: str) -> str:
    """Return the key that the store's own tools want for ``key``, without making the store or loading its SDK."""
    if remote.scheme in {"", "file"}:
        return key
    prefix = remote.url.partition("://")[2].partition("/")[2].strip("/")
    return f"{prefix}/{key}" if prefix else key


class RemoteSet:
    """The remotes of every DVC root of one commit. Stores are made when first asked for, and once. Thread-safe."""

    def __init__(
        self,
        configs: Mapping[str, Config],
        *,
        trusted: bool,
        open_store: Callable[..., Store] = open_store,
    ) -> None:
        self._configs = configs
        self._trusted = trusted
        self._open_store = open_store
        self._slots: dict[tuple[str, str], _Slot] = {}
        self._lock = threading.Lock()

    def candidates(self, root: str, recorded: str | None, out_remote: str | None) -> list[str]:
        """Name the configured remotes that may have a file, the most likely one first.

        That is the remote which the metafile recorded, then the out's own ``remote:``, then the default. A name that is
        not configured is passed over: remotes get renamed.

        Raises:
            RemoteError: none of them is configured.
        """
        config = self._configs[root]
        configured = set(config.remote_names())
        wanted = [name.lower() for name in (recorded, out_remote, config.default_remote) if name]
        found = [name for name in dict.fromkeys(wanted) if name in configured]
        if not found:
            raise _not_configured(root, wanted, configured)
        return found

    def addressing(self, root: str, name: str) -> Addressing:
        """Tell how DVC finds on a remote what it pushed there. Never blocks. Raises RemoteError, ConfigError."""
        remote = self._configs[root].remote(name)
        if not remote.version_aware:
            return Addressing.HASHES
        return Addressing.WORKTREE if remote.flag("worktree", default=False) else Addressing.VERSIONS

    def store(self, root: str, name: str) -> Store:
        """Return the store of a remote, the same one each time. Blocking: call from a worker thread.

        Raises:
            TrustError, ConfigError, RemoteError: it cannot be made; asked again, it says the same.
        """
        with self._lock:
            slot = self._slots.setdefault((root, name.lower()), _Slot())
        return slot.get(lambda: self._open_store(self._configs[root].remote(name), trusted=self._trusted))

    def close(self) -> None:
        """Close every store that was made."""
        with self._lock:
            slots = list(self._slots.values())
        for slot in slots:
            slot.close()


class _Slot:
    """One store, or the error that making it gave. Others wait for it without holding up other remotes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._store: Store | None = None
        self._error: CvfsError | None = None

    def get(self, make: Callable[[], Store]) -> Store:
        with self._lock:
            if self._error is not None:
                # A new object: each thread adds its own traceback to what it raises.
                raise type(self._error)(self._error.message, hint=self._error.hint)
            if self._store is None:
                try:
                    self._store = make()
                except CvfsError as error:
                    self._error = error
                    raise
            return self._store

    def close(self) -> None:
        with self._lock:
            if self._store is not None:
                self._store.close()


def _not_configured(root: str, wanted: Iterable[str], configured: Iterable[str]) -> RemoteError:
    where = f"the DVC repository {root!r}" if root else "this repository"
    names = ", ".join(map(repr, dict.fromkeys(wanted)))
    known = ", ".join(sorted(configured)) or "none"
    message = f"{where} has no remote {names}" if names else f"{where} has no default remote"
    return RemoteError(
        message, hint=f"configured remotes: {known}; give one with --remote-config NAME.url=URL and core.remote=NAME"
    )
