"""Contents that a remote has already, under whichever key: what can be copied there instead of being uploaded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cvfs.metafiles.records import Recorded
from cvfs.model import Kind
from cvfs.tracking import TrackedMetafile, TrackedOut

_PLAIN_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Place:
    """A version of an object. ``key`` is relative to the remote's URL."""

    key: str
    version_id: str


class KnownContents:
    """The contents of one remote, by the md5 of their bytes."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}

    def find(self, md5: str) -> Place | None:
        """Return where a content is, if that is known."""
        return self._places.get(md5)

    def add(self, md5: str, place: Place) -> None:
        """Note a content."""
        self._places.setdefault(md5, place)

    def drop(self, md5: str, place: Place) -> None:
        """Forget a place that turned out to be of no use."""
        if self._places.get(md5) == place:
            del self._places[md5]

    def add_recorded(
        self, metafiles: Iterable[TrackedMetafile], is_there: Callable[[TrackedOut, str, Recorded], bool]
    ) -> None:
        """Note what metafiles record, where ``is_there`` says that it is of this remote. Legacy hashes say nothing."""
        for metafile in metafiles:
            for out in metafile.outs:
                if out.record.legacy:
                    continue
                entries = [(file.relpath, file.recorded) for file in out.files]
                if out.record.kind is Kind.FILE:
                    entries = [("", out.record.recorded)]
                for relpath, recorded in entries:
                    version = recorded.version_id
                    if not recorded.md5 or not version or version == "null":
                        continue
                    if may_be_md5(recorded.etag, recorded.md5) and is_there(out, relpath, recorded):
                        self.add(recorded.md5, Place(out.key(relpath), version))


def may_be_md5(etag: str | None, md5: str) -> bool:
    """Tell whether a version with that etag may hold the content with that md5.

    An etag that looks like an md5 is one, unless the store encrypts with a key service. Then contents are uploaded
    although they could be copied: `dvc push` may record another writer's version with our md5, and this is what shows.
    """
    return etag is None or _PLAIN_MD5.fullmatch(etag) is None or etag == md5
