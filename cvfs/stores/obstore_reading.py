"""GET by version id through obstore, held to what was asked, for any store that it can talk to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import obstore

from cvfs.errors import IntegrityError
from cvfs.stores.ranges import range_end

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore


def expressible(key: str) -> bool:
    """Tell whether obstore sends ``key`` as it is.

    It refuses control characters, ``.``, ``..`` and empty components, and silently drops a slash at either end.
    """
    return not any(part in {"", ".", ".."} for part in key.split("/")) and all(" " <= c != "\x7f" for c in key)


def get_version(
    store: ObjectStore, key: str, version_id: str | None, *, start: int, length: int | None, where: str
) -> tuple[bytes, ObjectMeta]:
    """GET one version (None: the current one), or a range of it, and what the answer says of the object.

    ``where`` names it in messages.

    Raises:
        IntegrityError: the answer is not the range that was asked for.
        Exception: whatever obstore raises; ``obstore_failures`` says what it means.
    """
    wanted: obstore.GetOptions = {} if version_id is None else {"version": version_id}
    if length is not None:
        wanted["range"] = (start, start + length)
    elif start:
        wanted["range"] = {"offset": start}
    result = obstore.get(store, key, options=wanted)
    data = result.bytes().to_bytes()
    stop = range_end(result.meta["size"], start, length, where)
    if tuple(result.range) != (start, stop) or len(data) != stop - start:
        raise IntegrityError(f"{where}: asked for bytes {start} to {stop}, got {len(data)} from {result.range[0]}")
    return data, result.meta
