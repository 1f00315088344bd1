"""The dataset that the programs read, and the mount that they read it through."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from command import Outcome, Shell
from repositories import GitRepository

ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Dataset:
    """A repository with a published dataset: ``commit`` recorded what ``plain`` holds; the store has moved on since.

    ``committed`` is the commit's time, in seconds since 1970.
    """

    repository: GitRepository
    commit: str
    committed: int
    plain: Path


@dataclass(frozen=True, slots=True)
class Mount:
    """``dataset.commit`` mounted at ``top``, and a shell of the user who mounted it."""

    top: Path
    dataset: Dataset
    shell: Shell
    scratch: Path

    @property
    def plain(self) -> Path:
        """The same files on the local disk."""
        return self.dataset.plain

    def run(self, *command: str | Path) -> Outcome:
        """Run a program in the top directory of the mount; it has to succeed."""
        return self.shell.run(*command, cwd=self.top).ok()

    def run_on_both(self, *command: str | Path) -> tuple[Outcome, Outcome]:
        """Run a program in the mount and beside the plain files."""
        return self.run(*command), self.shell.run(*command, cwd=self.plain).ok()


def write_dataset(top: Path) -> None:
    for number in range(120):
        file = top / "data" / f"part-{number % 4}" / "deep" / f"{number:04}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"record {number}\n{'needle' if number % 10 == 0 else 'hay'}\n" * (number + 1))
    twins = top / "data" / "twins"
    twins.mkdir()
    for name in ("one", "two", "with space", "ümlaut", "yes", "#hash?"):
        (twins / name).write_bytes(b"the same bytes in each\n" * 50)
    (top / "data" / "empty").write_bytes(b"")
    (top / "data" / "large.bin").write_bytes(np.random.default_rng(1).bytes(9 * 2**20 + 4321))
    script = top / "data" / "hello.sh"
    script.write_text('#!/bin/sh\necho "hello, $1"\n')
    script.chmod(0o755)
    _write_tables(top / "data")


def _write_tables(folder: Path) -> None:
    numbers = np.arange(ROWS, dtype=np.int64)
    np.save(folder / "numbers.npy", numbers)
    table = pa.table({"id": numbers, "half": numbers / 2, "name": [f"row {n}" for n in range(ROWS)]})
    pq.write_table(table, folder / "table.parquet", row_group_size=ROWS // 8)
    with h5py.File(folder / "cube.h5", "w") as file:
        file.create_dataset("cube", data=numbers.reshape(20, 100, 10), chunks=(5, 50, 10), compression="gzip")
    with sqlite3.connect(folder / "people.db") as database:
        database.execute("create table people (id integer primary key, name text)")
        database.executemany("insert into people values (?, ?)", ((n, f"person {n}") for n in range(5000)))
    database.close()
