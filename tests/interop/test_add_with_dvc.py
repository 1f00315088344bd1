"""What ``cvfs add`` and ``cvfs remove`` write, beside what DVC writes, and read by DVC."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from dvc_repository import BOUND_S, DVC, DvcRepository
from scenes import Bucket
from servers.moto import Moto

NAMES = [
    *[
        "plain.csv",
        "two words",
        "ünïcödé",
        "日本",
        "😀",
        "a#b",
        "a #b",
        "#hash",
        "a: b",
        "a:b",
        "key:",
        "-lead",
        "- item",
    ],
    *["--", "yes", "no", "on", "null", "~", "~user", "true", "1", "1e3", "017", "0x1f", "0o7", "1_000", "1.5", ".5"],
    *[
        "12:30:45",
        "2020-01-01",
        "50%",
        "%a",
        "@a",
        "`a",
        "&a",
        "*a",
        "!a",
        "|a",
        ">a",
        "it's",
        "'a",
        '"a"',
        'a"b',
        "[a]",
    ],
    *["a[b]", "{a}", "a, b", "?a", "? a", "=", "<<", "a\\b", " lead", "trail ", "a  b", "a\tb", "...", "--- a", "a!"],
    *["😀\tb", "x" * 72, "x" * 90, "word " * 30 + "end", "it: is " * 20 + "end"],
]


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str], DvcRepository]:
    def make(name: str) -> DvcRepository:
        made = DvcRepository.init(tmp_path / name)
        made.dvc("init", "-q")
        made.commit("init")
        return made

    return make


def ask_dvc(repository: DvcRepository, *arguments: str) -> str:
    done = subprocess.run(
        [DVC, *arguments], cwd=repository.path, capture_output=True, text=True, check=True, timeout=BOUND_S
    )
    return done.stdout


def test_a_files_metafile_is_byte_for_byte_dvcs(make, cvfs_cli) -> None:
    theirs, ours = make("theirs"), make("ours")
    for repository in (theirs, ours):
        repository.write({name: name.encode() for name in NAMES})
        (repository.path / "two words").chmod(0o755)
    theirs.dvc("add", "-q", "--", *NAMES)
    cvfs_cli("add", "--", *NAMES, cwd=ours.path).ok()
    for name in NAMES:
        metafile = f"{name}.dvc"
        assert (ours.path / metafile).read_bytes() == (theirs.path / metafile).read_bytes()
    ignored = [set((repository.path / ".gitignore").read_bytes().splitlines()) for repository in (ours, theirs)]
    # Git does not take DVC's line for a name that ends in a space.
    assert ignored[0] ^ ignored[1] == {rb"/trail\ ", b"/trail "}
    # DVC reads all of them: what is changed is only that its own cache does not have the data.
    assert set(json.loads(ask_dvc(ours, "status", "--json"))) == {f"{name}.dvc" for name in NAMES}


def test_dvc_reads_a_list_of_files_pushes_it_and_writes_the_same(make, cvfs_cli, moto: Moto) -> None:
    repository = make("repository")
    Bucket(moto).connect(repository)
    names = [name for name in NAMES if not re.search(r"[\\#?\t ]$|[#?\t]|%|^\.\.\.$|^ ", name) and len(name) < 60]
    repository.write({f"data/sub/{name}": name.encode() for name in names})
    cvfs_cli("add", "data", cwd=repository.path).ok()
    text = (repository.path / "data.dvc").read_text()
    state = json.loads(ask_dvc(repository, "data", "status", "--granular", "--json"))
    assert "uncommitted" not in state
    # DVC pushes from its cache alone, and would drop every entry that it does not find there.
    repository.dvc("commit", "-q", "-f", "data.dvc")
    repository.dvc("push", "-q")
    pushed = (repository.path / "data.dvc").read_text()
    versions = re.compile(r"    cloud:\n      up:\n        etag: .*\n        version_id: .*\n")
    assert len(versions.findall(pushed)) == len(names)
    assert _values(versions.sub("", pushed)) == _values(text)
    # Continued by cvfs: nothing to do, then one changed entry among those with versions.
    assert cvfs_cli("add", "data", cwd=repository.path).ok().stdout == f"data: {len(names)} unchanged\n"
    repository.write({"data/sub/plain.csv": b"changed"})
    cvfs_cli("add", "data", cwd=repository.path).ok()
    continued = (repository.path / "data.dvc").read_text()
    assert len(versions.findall(continued)) == len(names) - 1
    # Continued by DVC again.
    repository.dvc("commit", "-q", "-f", "data.dvc")
    repository.dvc("push", "-q")
    assert len(versions.findall((repository.path / "data.dvc").read_text())) == len(names)


def _values(text: str) -> str:
    """Drop the quotes that cvfs writes where only YAML 1.1 would read something else."""
    return re.sub(
        r"(relpath|md5): '([^\n]*)'\n", lambda pair: f"{pair[1]}: {pair[2].replace(2 * chr(39), chr(39))}\n", text
    )


def test_an_out_of_dvcs_is_continued(make, cvfs_cli) -> None:
    repository = make("repository")
    repository.write({"data/a": b"a", "data/b": b"b"})
    repository.dvc("add", "-q", "data")
    before = (repository.path / "data.dvc").read_bytes()
    assert cvfs_cli("add", "data", cwd=repository.path).ok().stdout == "data: 2 unchanged\n"
    assert (repository.path / "data.dvc").read_bytes() == before
    repository.write({"data/c": b"c"})
    assert cvfs_cli("add", "data/c", cwd=repository.path).ok().stdout.startswith("data: 1 new\n")
    assert "uncommitted" not in json.loads(ask_dvc(repository, "data", "status", "--granular", "--json"))
    repository.dvc("add", "-q", "data")
    assert json.loads(ask_dvc(repository, "status", "--json")) == {}


def test_remove_leaves_what_dvcs_leaves(make, cvfs_cli) -> None:
    left = []
    for name in ("theirs", "ours"):
        repository = make(name)
        repository.write({"data/a": b"a", "sub/m": b"m", "kept": b"k"})
        repository.dvc("add", "-q", "data", "sub/m", "kept")
        repository.commit("tracked")
        if name == "theirs":
            repository.dvc("remove", "data.dvc", "sub/m.dvc")
        else:
            cvfs_cli("remove", "data.dvc", "sub/m.dvc", cwd=repository.path).ok()
        left.append((repository.git("status", "--short"), (repository.path / ".gitignore").read_bytes()))
    assert left[0] == left[1]
