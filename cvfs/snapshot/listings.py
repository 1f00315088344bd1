"""Directories known by the hash of their listing: the segments that listings make, hung where the outs are.

A listing is named by the md5 of its bytes, so a segment made of one is keyed by that, and every commit that names the
listing shares it. What an out says of all its files (legacy hashes, its remote) is part of the key, too.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO, Protocol

from cvfs.metafiles.listingfile import read_listing
from cvfs.metafiles.records import OutRecord, Record, Recorded, Source
from cvfs.model import Kind, Problem
from cvfs.snapshot.groups import make_key
from cvfs.snapshot.placing import Part, PlacedOut


@dataclass(frozen=True, slots=True)
class WantedListing:
    """The listing of one directory. ``md5`` is without ``.dir``; the rest is what the out says, and its DVC root."""

    md5: str
    legacy: bool
    source: Source
    remote: str | None
    root: str

    @property
    def key(self) -> str:
        """Return the name of the segment that is made of it."""
        return make_key("listing", [self.md5, self.legacy, self.source.value, self.remote])

    def records(self, file: IO[bytes]) -> Iterator[Record]:
        """Yield what the listing holds, as if a metafile had it. ListingError: it is none."""
        yield from read_listing(file)
        own = Recorded(md5=f"{self.md5}.dir")
        yield OutRecord(0, self.md5, Kind.DIRECTORY, own, self.legacy, self.source, self.remote, line=0)


@dataclass(frozen=True, slots=True)
class ListingCommit:
    """What is known of a commit when its listings are wanted: enough to load its configuration."""

    commit: str
    roots: Sequence[str]
    config_blobs: Mapping[str, str]


class Listings(Protocol):
    """Brings listings from wherever they are. ``cvfs.directory_listings`` has one that asks caches and remotes."""

    def bring(
        self, commit: ListingCommit, wanted: Sequence[WantedListing]
    ) -> Generator[tuple[WantedListing, IO[bytes]], None, None]:
        """Yield those that can be had: their bytes, found to have that md5, to be read before the next one is taken.

        Blocking. Raises nothing but what no command can go on after.
        """

    def refuse(self, wanted: WantedListing, reason: str) -> None:
        """Take note that the bytes are no listing."""


def wanted_listings(parts: Sequence[Part]) -> dict[tuple[int, int], WantedListing]:
    """Return the listings that a commit names, by part and number of the out. What Git holds needs none."""
    wanted = {}
    for index, part in enumerate(parts):
        for number in part.segment.unlisted:
            out = part.segment.out(number)
            md5 = part.segment.recorded(number).md5
            if md5 is not None and out.source is not Source.GIT:
                root = part.files[out.metafile][1].root
                wanted[index, number] = WantedListing(md5, out.legacy, out.source, out.remote, root)
    return wanted


def hang(
    placed: Sequence[PlacedOut], hung: Mapping[tuple[int, int], tuple[int, Part]], problems: list[Problem]
) -> list[PlacedOut]:
    """Return the outs with those whose listing is there replaced by it; add what is refused of it to ``problems``.

    ``hung`` has the number and part of the listing by part and number of the out.
    """
    result = []
    for out in placed:
        if (out.part, out.number) not in hung:
            result.append(out)
            continue
        number, part = hung[out.part, out.number]
        result.append(replace(out, part=number, number=0, out=replace(part.segment.out(0), line=out.out.line)))
        shown = b"/".join(out.path).decode("utf-8", "surrogateescape")
        for refusal in part.segment.refusals:
            reason = f"the listing of {shown!r}, entry {refusal.line}: {refusal.reason}"
            problems.append(Problem(out.metafile.path, out.out.line, reason))
    return result
