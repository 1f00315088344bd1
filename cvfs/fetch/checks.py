"""Is this what was recorded? The checks on every answer of a store, before a byte of it is served or kept."""

from __future__ import annotations

from cvfs.errors import IntegrityError
from cvfs.fetch.hashing import hash_for, recorded_hash
from cvfs.model import Content
from cvfs.stores.store import Piece, Store

_HINT = "the object is not the one that was pushed, or was damaged on its way; nothing of it was kept"


def describe_object(store: Store, key: str, version_id: str | None) -> str:
    """Name the version of an object, or the current object, that a message is about. Holds no secret."""
    version = "" if version_id is None else f", version {version_id}"
    return f"{store.url}: key {store.full_key(key)!r}{version}"


def check_range(piece: Piece, content: Content, start: int, stop: int, where: str) -> None:
    """Check an answer that has no hash of its own: the exact range, total size, version id and etag.

    What the store does not send, or the metafile does not have, is not compared. Raises IntegrityError.
    """
    if piece.start != start or len(piece.data) != stop - start:
        got = f"{piece.start} to {piece.start + len(piece.data)}"
        raise IntegrityError(f"{where}: bytes {start} to {stop} were asked for, and {got} came", hint=_HINT)
    _check_size(piece, content, where)
    _check_version(piece, content, where)
    _check_etag(piece, content, where)


def check_whole(piece: Piece, content: Content, where: str) -> None:
    """Check a whole content: its size, and its hash, or where there is none its version id and etag.

    Raises:
        IntegrityError: naming what was recorded and what came.
    """
    if piece.start != 0 or len(piece.data) != piece.stat.size:
        raise IntegrityError(f"{where}: {len(piece.data)} bytes came of {piece.stat.size}", hint=_HINT)
    _check_size(piece, content, where)
    found, recorded = hash_for(content), recorded_hash(content)
    if found is None or recorded is None:
        _check_version(piece, content, where)
        _check_etag(piece, content, where)
        return
    found.update(piece.data)
    if not found.matches(recorded):
        raise wrong_hash(where, str(found), recorded)


def wrong_hash(where: str, found: str, recorded: str) -> IntegrityError:
    """Make the error for bytes whose hash is not the recorded one."""
    return IntegrityError(f"{where}: the bytes have {found}, and {recorded} was recorded", hint=_HINT)


def _check_size(piece: Piece, content: Content, where: str) -> None:
    if content.size is not None and piece.stat.size != content.size:
        raise IntegrityError(f"{where}: has {piece.stat.size} bytes, and {content.size} were recorded", hint=_HINT)


def _check_version(piece: Piece, content: Content, where: str) -> None:
    found = piece.stat.version_id
    if content.version is not None and found is not None and found != content.version.version_id:
        raise IntegrityError(f"{where}: the store answered with version {found}", hint=_HINT)


def _check_etag(piece: Piece, content: Content, where: str) -> None:
    recorded = content.version.etag if content.version is not None else None
    found = piece.stat.etag
    # DVC records Azure's etags with their quotes and S3's without.
    if recorded and found and recorded.strip('"') != found.strip('"'):
        raise IntegrityError(f"{where}: has etag {found}, and {recorded} was recorded", hint=_HINT)
