"""Make sure that a store keeps what is overwritten, before anything is."""

from __future__ import annotations

from collections.abc import Callable

from cvfs.errors import AccessDeniedError, KeyTakenError, VersioningOffError, VersionNotFoundError
from cvfs.stores.store import Stat, Store, Versioning


def ensure_versioning(store: Store, remote: str, key: str, put: Callable[[bool], Stat]) -> Stat | None:
    """Return when versioning is known to be on. One request where the store tells. Blocking.

    Where it does not tell, ``key``, the first one to be written, decides: the object to be replaced has to show a
    version id, or else ``put(True)``, which must not overwrite, makes a new one, whose Stat is returned.

    Raises:
        VersioningOffError: nothing was overwritten.
    """
    state = store.versioning()
    if state is Versioning.ON:
        return None
    if state is Versioning.OFF:
        raise versioning_off(store, remote)
    if state is Versioning.UNTOLD:
        raise _untold(store, remote)
    for _ in range(2):
        try:
            current = store.stat(key)
        except (VersionNotFoundError, AccessDeniedError) as error:
            # Without permission to list, a missing object looks like a forbidden one.
            denied = error if isinstance(error, AccessDeniedError) else None
            try:
                return put(True)
            except KeyTakenError:
                if denied is not None:
                    raise _untold(store, remote) from denied
                continue  # somebody made it between the two questions: look again
        if current.version_id not in (None, "", "null"):
            return None
        break
    raise versioning_off(store, remote)


def _untold(store: Store, remote: str) -> VersioningOffError:
    return VersioningOffError(
        f"{store.url} does not tell whether it keeps old versions: nothing was overwritten",
        hint=f"permission to ask for the bucket's versioning would tell; `cvfs remote check {remote}` says more",
    )


def versioning_off(store: Store, remote: str) -> VersioningOffError:
    """Return the error that says how to go on."""
    return VersioningOffError(
        f"{store.url} does not keep old versions: nothing was overwritten",
        hint=f"turn versioning on: `cvfs remote check {remote} --enable`, then push again",
    )
