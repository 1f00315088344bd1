"""Records by their type, and entries in the layout that DVC writes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from cvfs.metafiles.dvcfile import read_dvc
from cvfs.metafiles.lockfile import read_lock
from cvfs.metafiles.records import FileRecord, OutRecord, Record, Refusal
from cvfs.metafiles.stagefile import read_stages

FIXTURES = Path(__file__).parent.parent / "fixtures"

MD5 = "d41d8cd98f00b204e9800998ecf8427e"
OTHER_MD5 = "b5b197d823fc1db88019cc9f786469a9"


class Read(NamedTuple):
    """What a metafile gave."""

    files: list[FileRecord]
    outs: list[OutRecord]
    refusals: list[Refusal]

    @property
    def reasons(self) -> str:
        return "\n".join(refusal.reason for refusal in self.refusals)

    @property
    def out(self) -> OutRecord:
        (out,) = self.outs
        return out

    @property
    def file(self) -> FileRecord:
        (file,) = self.files
        return file

    @property
    def refusal(self) -> Refusal:
        (refusal,) = self.refusals
        return refusal


def sort_records(records: Iterable[Record]) -> Read:
    read = Read([], [], [])
    for record in records:
        if isinstance(record, FileRecord):
            read.files.append(record)
        elif isinstance(record, OutRecord):
            read.outs.append(record)
        else:
            assert isinstance(record, Refusal)
            read.refusals.append(record)
    return read


def dvc(text: str | bytes) -> Read:
    return sort_records(read_dvc(text.encode() if isinstance(text, str) else text))


def lock(text: str, stages: str | None = None) -> Read:
    return sort_records(read_lock(text.encode(), None if stages is None else read_stages(stages.encode())))


def fixture(name: str) -> Read:
    return dvc((FIXTURES / name).read_bytes())


def directory(items: str, head: str = "hash: md5") -> str:
    """Return a ``.dvc`` file of one directory, whose ``files:`` are ``items``."""
    lines = "".join(f"  {line}\n" for line in items.splitlines())
    return f"outs:\n- {head}\n  path: data\n  files:\n{lines}"
