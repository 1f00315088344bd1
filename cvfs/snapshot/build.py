"""From a commit to its snapshot: finds what the commit holds, and builds those index files that do not exist yet."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import astuple

from cvfs.errors import SnapshotError
from cvfs.git import Commit, Repository, TreeEntry
from cvfs.metafiles.listingfile import ListingError
from cvfs.metafiles.records import Record, Source
from cvfs.model import Problem
from cvfs.snapshot.commit_index import CommitIndex
from cvfs.snapshot.commit_writer import write_commit_index
from cvfs.snapshot.git_outs import git_records, path_of, tracked_files, tracked_outs
from cvfs.snapshot.groups import Group, make_groups, make_key
from cvfs.snapshot.housekeeping import tidy
from cvfs.snapshot.indexfile import make_directory
from cvfs.snapshot.layout import lay_out
from cvfs.snapshot.listings import ListingCommit, Listings, WantedListing, hang, wanted_listings
from cvfs.snapshot.placing import Part, place_outs
from cvfs.snapshot.scan import Metafile, scan, seen_metafiles
from cvfs.snapshot.segment import Segment
from cvfs.snapshot.segment_writer import build_segment
from cvfs.snapshot.snapshot import Snapshot
from cvfs.snapshot.variables import with_variables


def open_snapshot(
    repository: Repository, commit: Commit | str, index_dir: str, listings: Listings | None = None
) -> Snapshot:
    """Open the snapshot of a commit, or of what a revision names. Blocking: call from a worker thread.

    Index files are made in ``index_dir``, which may be shared by any number of processes. The network is used only
    where the repository is a partial clone that lacks metafiles, and by ``listings``, which bring those of directories
    that are known by a hash alone and were not met before; without it, and without a listing, such a directory stays
    UNLISTED.

    Raises:
        RevisionError: the revision names no commit.
        RepositoryError: git cannot read the commit.
        SnapshotError: an index file cannot be written.
    """
    if isinstance(commit, str):
        commit = repository.resolve(commit)
    return _Opening(repository, commit, index_dir, listings).snapshot()


class _Opening:
    """One opening of a snapshot: what its steps share."""

    def __init__(self, repository: Repository, commit: Commit, index_dir: str, listings: Listings | None) -> None:
        self._repository = repository
        self._commit = commit
        self._directory = index_dir
        self._listings = listings

    def snapshot(self) -> Snapshot:
        """Do it all."""
        make_directory(self._directory)
        found = scan(self._repository.tree(self._commit.id))
        self._repository.ensure(found.blobs)
        texts = dict(self._repository.read_blobs([*found.ignores.values(), *found.configs.values()]))
        seen = seen_metafiles(found, _decoded(found.ignores, texts))
        metafiles = with_variables(self._repository, self._commit.id, seen)
        groups = make_groups(metafiles, self._repository.blob_sizes(metafile.oid for metafile in metafiles))
        parts = [Part(segment, group.files) for group, segment in zip(groups, self._segments(groups), strict=True)]
        described = ListingCommit(self._commit.id, sorted(found.roots), _decoded(found.configs, texts))
        listed = self._listed(described, wanted_listings(parts))
        index, segments = self._index(parts, listed, metafiles, found.problems)
        return Snapshot(self._commit, index, segments, described.roots, described.config_blobs)

    def _segments(self, groups: Sequence[Group]) -> list[Segment]:
        keys = [group.key for group in groups]
        opened = {key: Segment.open(self._file(key, "segment")) for key in keys}
        missing = {key: group for key, group in zip(keys, groups, strict=True) if opened[key] is None}
        wanted = [blob for group in missing.values() for blob in group.blobs]
        with closing(self._repository.read_blobs(wanted)) as blobs:
            contents = (data for _, data in blobs)
            for key, group in missing.items():
                opened[key] = self._build_segment(key, group.records(contents))
        return [segment for segment in map(opened.get, keys) if segment is not None]

    def _listed(
        self, commit: ListingCommit, wanted: Mapping[tuple[int, int], WantedListing]
    ) -> dict[tuple[int, int], Segment]:
        """Return the segments of those listings that are there or can be had."""
        segments = {listing.key: Segment.open(self._file(listing.key, "segment")) for listing in wanted.values()}
        missing = {listing.key: listing for listing in wanted.values() if segments[listing.key] is None}
        if missing and self._listings is not None:
            with closing(self._listings.bring(commit, list(missing.values()))) as brought:
                for listing, file in brought:
                    try:
                        segments[listing.key] = self._build_segment(listing.key, [listing.records(file)])
                    except ListingError as error:
                        self._listings.refuse(listing, str(error))
        found = ((place, segments[listing.key]) for place, listing in wanted.items())
        return {place: segment for place, segment in found if segment is not None}

    def _build_segment(self, key: str, records: Iterable[Iterable[Record]]) -> Segment:
        path = self._file(key, "segment")
        build_segment(path, records)
        segment = Segment.open(path)
        if segment is None:
            raise _unreadable(path)
        return segment

    def _index(
        self,
        parts: list[Part],
        listed: Mapping[tuple[int, int], Segment],
        metafiles: Sequence[Metafile],
        problems: list[Problem],
    ) -> tuple[CommitIndex, list[Segment]]:
        """Return the commit index and all segments that it speaks of: metafiles', listings', and what Git holds."""
        # What Git itself holds for `cache: false` changes without any metafile changing.
        git = self._commit.id if any(part.segment.has_git_outs for part in parts) else None
        of_metafiles = list(map(astuple, metafiles))
        key = make_key("commit", [of_metafiles, list(map(astuple, problems)), git, list(listed)])
        path = self._file(key, "commit")
        segments = [*(part.segment for part in parts), *listed.values()]
        index = CommitIndex.open(path)
        if index is not None:
            if index.git_segment is None:
                return index, segments
            segment = Segment.open(self._file(index.git_segment, "segment"))
            if segment is not None:
                return index, [*segments, segment]
        return self._build_index(path, parts, listed, list(problems))

    def _build_index(
        self, path: str, parts: Sequence[Part], listed: Mapping[tuple[int, int], Segment], problems: list[Problem]
    ) -> tuple[CommitIndex, list[Segment]]:
        placed = place_outs(parts, problems)
        hung = {place: (len(parts) + n, Part(segment, ())) for n, (place, segment) in enumerate(listed.items())}
        placed = hang(placed, hung, problems)
        parts = [*parts, *(part for _, part in hung.values())]
        of_git = [out for out in placed if out.out.source is Source.GIT]
        others = [out for out in placed if out.out.source is not Source.GIT]
        git_segment = None
        if tracked := tracked_files(self._repository, self._commit.id, [path_of(out) for out in of_git]):
            git_segment, segment = self._git_segment(tracked)
            others += tracked_outs(of_git, segment, len(parts))
            parts = [*parts, Part(segment, ())]
            problems += [Problem(".", None, refusal.reason) for refusal in segment.refusals]
        layout = lay_out(parts, others, problems)
        write_commit_index(path, parts, layout, problems, git_segment)
        tidy(self._directory)
        index = CommitIndex.open(path)
        if index is None:
            raise _unreadable(path)
        return index, [part.segment for part in parts]

    def _git_segment(self, tracked: Mapping[str, Sequence[TreeEntry]]) -> tuple[str, Segment]:
        parts = [(out, [(entry.path, entry.mode, entry.oid) for entry in entries]) for out, entries in tracked.items()]
        key = make_key("git", parts)
        segment = Segment.open(self._file(key, "segment"))
        if segment is None:
            sizes = self._repository.blob_sizes(entry.oid for entries in tracked.values() for entry in entries)
            segment = self._build_segment(key, [git_records(tracked, sizes)])
        return key, segment

    def _file(self, key: str, kind: str) -> str:
        return os.path.join(self._directory, f"{key}.{kind}")


def _decoded(files: Mapping[str, str], texts: Mapping[str, bytes]) -> dict[str, str]:
    return {path: texts[oid].decode("utf-8", "surrogateescape") for path, oid in files.items()}


def _unreadable(path: str) -> SnapshotError:
    return SnapshotError(f"the index file {path} was written and cannot be read back", hint="use --cache-dir")
