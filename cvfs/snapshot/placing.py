"""Where each out of a commit belongs, and which outs there are: the rules, on plain values."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from cvfs.model import Problem
from cvfs.snapshot.intake import safe_components
from cvfs.snapshot.scan import Metafile
from cvfs.snapshot.segment import Segment, SegmentOut

Path = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A segment's place in a commit. ``files`` are path and metafile by the numbers that the segment gives them."""

    segment: Segment
    files: Sequence[tuple[str, Metafile]]


@dataclass(frozen=True, slots=True)
class PlacedOut:
    """An out of part number ``part``, with the path at which it is to appear in the repository."""

    path: Path
    part: int
    number: int
    metafile: Metafile
    out: SegmentOut


def place_outs(parts: Sequence[Part], problems: list[Problem]) -> list[PlacedOut]:
    """Return the outs of all metafiles that DVC would see, each with its place; add what is refused to ``problems``.

    As in DVC, a metafile inside a directory that is itself an out is not seen. The shallower ones come first.
    """
    outs: dict[tuple[int, int], list[tuple[int, SegmentOut]]] = {}
    refusals: dict[tuple[int, int], list[Problem]] = {}
    for number, part in enumerate(parts):
        for index, out in enumerate(part.segment.outs()):
            outs.setdefault((number, out.metafile), []).append((index, out))
        for refusal in part.segment.refusals:
            problem = Problem(part.files[refusal.metafile][0], refusal.line, refusal.reason)
            refusals.setdefault((number, refusal.metafile), []).append(problem)

    placed: list[PlacedOut] = []
    taken: set[Path] = set()
    for number, index in sorted({*outs, *refusals}, key=lambda key: _depth_first(parts[key[0]].files[key[1]][0])):
        _, metafile = parts[number].files[index]
        if _is_inside(metafile.directory, taken):
            continue
        problems.extend(refusals.get((number, index), ()))
        for row, out in outs.get((number, index), ()):
            try:
                path = out_path(metafile, out.path)
            except ValueError as error:
                problems.append(Problem(metafile.path, out.line, f"out {_text(out.path)!r} is refused: {error}"))
                continue
            taken.add(path)
            placed.append(PlacedOut(path, number, row, metafile, out))
    return placed


def out_path(metafile: Metafile, path: bytes) -> Path:
    """Return the components of an out's path in the repository. ValueError says why there is none."""
    text = _text(path)
    if text.startswith("/"):
        raise ValueError("the path is absolute")
    whole = posixpath.normpath(posixpath.join(metafile.directory, text))
    if whole == ".." or whole.startswith("../"):
        raise ValueError("the path leaves the repository")
    if whole in (".", metafile.root):
        raise ValueError("the path is the DVC root itself")
    if metafile.root and not whole.startswith(f"{metafile.root}/"):
        raise ValueError("the path leaves the DVC root")
    return tuple(part.encode("utf-8", "surrogateescape") for part in safe_components(whole))


def _depth_first(path: str) -> tuple[int, str]:
    return path.count("/"), path


def _is_inside(directory: str, taken: set[Path]) -> bool:
    components = directory.encode("utf-8", "surrogateescape").split(b"/")
    return any(tuple(components[:length]) in taken for length in range(1, len(components) + 1))


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")
