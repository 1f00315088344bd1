"""Libraries that read data files in their own ways: seeking, mapping, locking, a few bytes here and there."""

from __future__ import annotations

import hashlib
import sys
from textwrap import dedent

import pytest
from mounted_dataset import ROWS, Mount

TOTAL = ROWS * (ROWS - 1) // 2

#: What each prints, last of all.
READERS = {
    "numpy maps an array": (
        """
        import numpy
        print(int(numpy.load("data/numbers.npy", mmap_mode="r").sum()))
        """,
        TOTAL,
    ),
    "pyarrow reads a column": (
        """
        import pyarrow.parquet
        print(sum(pyarrow.parquet.read_table("data/table.parquet", columns=["id"])["id"].to_pylist()))
        """,
        TOTAL,
    ),
    "pyarrow maps a table": (
        """
        import pyarrow.parquet
        print(sum(pyarrow.parquet.read_table("data/table.parquet", memory_map=True)["id"].to_pylist()))
        """,
        TOTAL,
    ),
    "duckdb queries a table": (
        """
        import duckdb
        print(duckdb.sql("select sum(id)::bigint from 'data/table.parquet'").fetchall()[0][0])
        """,
        TOTAL,
    ),
    "duckdb looks up one row": (
        """
        import duckdb
        print(duckdb.sql("select name from 'data/*.parquet' where id = 19999").fetchall()[0][0])
        """,
        f"row {ROWS - 1}",
    ),
    "h5py reads a chunked cube": (
        """
        import h5py
        print(int(h5py.File("data/cube.h5")["cube"][...].sum()))
        """,
        TOTAL,
    ),
    "sqlite3 opens read-only": (
        """
        import sqlite3
        database = sqlite3.connect("file:data/people.db?mode=ro", uri=True)
        print(database.execute("select name from people where id = 4321").fetchone()[0])
        """,
        "person 4321",
    ),
}


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.replace(" ", "-"))
def test_library_reads(mount: Mount, reader: str) -> None:
    program, answer = READERS[reader]
    assert mount.run(sys.executable, "-c", dedent(program)).stdout.strip() == str(answer)


def test_sqlite3_shell_queries_a_read_only_database(mount: Mount) -> None:
    answer = mount.run("sqlite3", "-readonly", "data/people.db", "pragma integrity_check; select count(*) from people")
    assert answer.stdout.split() == ["ok", "5000"]


def test_dd_reads_past_the_page_cache(mount: Mount) -> None:
    read = mount.run("dd", "if=data/large.bin", "bs=1M", "iflag=direct", "status=none")
    assert hashlib.md5(read.raw).digest() == hashlib.md5((mount.plain / "data/large.bin").read_bytes()).digest()


def test_tail_reads_the_end_alone(mount: Mount) -> None:
    assert (
        mount.run("tail", "-c", "1000", "data/large.bin").raw == (mount.plain / "data/large.bin").read_bytes()[-1000:]
    )


def test_sendfile_copies_in_the_kernel(mount: Mount) -> None:
    program = """
import os, sys
source = os.open("data/large.bin", os.O_RDONLY)
size, done = os.fstat(source).st_size, 0
while done < size:
    done += os.sendfile(1, source, done, size - done)
"""
    sent = mount.run(sys.executable, "-c", program)
    assert sent.raw == (mount.plain / "data/large.bin").read_bytes()


def test_script_of_the_dataset_runs(mount: Mount) -> None:
    assert mount.run("./data/hello.sh", "reader").stdout == "hello, reader\n"


def test_file_that_is_not_executable_does_not_run(mount: Mount) -> None:
    assert mount.shell.run("./data/empty", cwd=mount.top).returncode == 126
