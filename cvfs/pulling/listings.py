"""The listings that a pull needs and DVC's cache has not: fetched into it, as DVC would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing

from cvfs.directory_listings import at_once, fetching
from cvfs.errors import WorkspaceError
from cvfs.fetch.listings import RemoteListings
from cvfs.fetch.sources import Remotes
from cvfs.model import Kind
from cvfs.pulling.roots import RootDirectory
from cvfs.snapshot.listings import WantedListing
from cvfs.targets import Selection


def fetch_listings(
    selections: Iterable[Selection], roots: Mapping[str, RootDirectory], remotes: Remotes, directory: str
) -> dict[str, str]:
    """Fetch what is missing; ``directory`` takes unnamed files meanwhile. Blocking.

    Returns the reason for each listing, by its md5, that could not be had. Nothing is raised: its directory then fails.
    """
    wanted = dict.fromkeys(_missing(selections, roots))
    reasons: dict[str, str] = {}
    listings = RemoteListings(remotes, directory)
    with closing(at_once((each, fetching(listings, each)) for each in wanted)) as answers:
        for each, answer in answers:
            if isinstance(answer, str):
                reasons[each.md5] = answer
                continue
            with answer:
                try:
                    roots[each.root].dvc_cache.add_listing(each.md5, answer.read(), legacy=each.legacy)
                except WorkspaceError as error:
                    reasons[each.md5] = error.message
    return reasons


def _missing(selections: Iterable[Selection], roots: Mapping[str, RootDirectory]) -> Iterable[WantedListing]:
    for selection in selections:
        for selected in selection.outs:
            record, root = selected.out.record, selected.out.root
            md5 = (record.recorded.md5 or "").removesuffix(".dir")
            if record.kind is not Kind.UNLISTED or not md5 or root not in roots:
                continue
            cached = roots[root].dvc_cache.open_listing(md5, legacy=record.legacy)
            if cached is None:
                yield WantedListing(md5, record.legacy, record.source, record.remote, root)
            else:
                cached.close()
