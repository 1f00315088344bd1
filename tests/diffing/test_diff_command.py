"""``cvfs diff`` as users meet it."""

from __future__ import annotations

import json

import pytest
from publishing import configure, publish

from cvfs.stores.local import LocalStore


@pytest.fixture
def repository(make_repository, tmp_path):
    made = make_repository("dataset")
    store = LocalStore(str(tmp_path / "store"))
    data = made.path / "data"
    (data / "sub").mkdir(parents=True)
    configure(made.path, str(tmp_path / "store"))
    (made.path / ".dvc/.gitignore").write_text("/tmp\n")
    for files in ({"a": "1", "sub/b": "22", "c d": "333"}, {"a": "1" * 2049, "e": "4444", "sub/b": "", "c d": "333"}):
        for name, text in files.items():
            (data / name).write_text(text)
        publish(made.path, "data", store)
        made.commit("a version")
    made.git("mv", "data.dvc", "old.dvc")
    text = (made.path / "old.dvc").read_text().replace("path: data\n", "path: old\n")
    made.commit("moved", {"old.dvc": text, ".gitignore": "/data\n/old\n"})
    return made


GROUPS = """\
Added:
    data/e (4 B)

Modified:
    data/a (1 B -> 2.0 KiB)
    data/sub/b (2 B -> 0 B)

files summary: 1 added, 2 modified (+2.0 KiB)
"""


def test_people_read_groups_sizes_and_a_summary(cvfs_cli, repository):
    assert cvfs_cli("diff", "HEAD~2", "HEAD~1", cwd=repository.path).ok().stdout == GROUPS
    moved = cvfs_cli("diff", "HEAD~1", "HEAD", cwd=repository.path).ok().stdout
    assert moved.startswith("Renamed:\n    data/a -> old/a (2.0 KiB)\n    data/c d -> old/c d (3 B)\n")
    assert moved.endswith("\nfiles summary: 4 renamed (+0 B)\n")
    back = cvfs_cli("diff", "HEAD~1", "HEAD~2", cwd=repository.path).ok().stdout
    assert back.endswith("\nfiles summary: 1 deleted, 2 modified (-2.0 KiB)\n")


def test_programs_read_an_object_a_line(cvfs_cli, repository):
    lines = cvfs_cli("diff", "--json", "HEAD~2", "HEAD~1", cwd=repository.path).ok().stdout.splitlines()
    first, added, _ = map(json.loads, lines)
    assert (first["change"], first["path"], first["old_path"]) == ("modified", "data/a", None)
    assert (first["old"]["size"], first["new"]["size"], first["new"]["type"]) == (1, 2049, "file")
    assert first["old"]["version_id"] != first["new"]["version_id"]
    assert (added["change"], added["old"]) == ("added", None)


def test_one_revision_is_compared_with_the_work_tree(cvfs_cli, repository):
    (repository.path / "old").mkdir()
    (repository.path / "old/a").write_text("changed")
    shown = cvfs_cli("diff", "HEAD", cwd=repository.path / "old").ok().stdout
    assert shown == "Modified:\n    old/a (2.0 KiB -> 7 B)\n\nfiles summary: 1 modified (-2.0 KiB)\n"


def test_paths_come_behind_two_dashes(cvfs_cli, repository):
    shown = cvfs_cli("diff", "HEAD~2", "HEAD~1", "--", "data/sub", "data/e", cwd=repository.path).ok().stdout
    assert shown.splitlines()[1::3] == ["    data/e (4 B)", "    data/sub/b (2 B -> 0 B)"]
    wrong = cvfs_cli("diff", "HEAD~2", "HEAD~1", "--", "nowhere", cwd=repository.path)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "neither side has data at 'nowhere'" in wrong.stderr
    assert "[-- PATH...]" in cvfs_cli("diff", "--help").ok().stdout


def test_exit_codes(cvfs_cli, repository):
    assert cvfs_cli("diff", "HEAD~1", "HEAD", "--exit-code", cwd=repository.path).returncode == 1
    same = cvfs_cli("diff", "HEAD", "HEAD", "--exit-code", cwd=repository.path).ok()
    assert same.stdout == ""
    assert cvfs_cli("diff", cwd=repository.path).returncode == 2
    assert cvfs_cli("diff", "no-such-thing", cwd=repository.path).returncode == 1


def test_a_bad_metafile_is_a_warning_or_with_strict_an_error(cvfs_cli, repository):
    repository.commit("bad", {"bad.dvc": "outs: [\n"})
    shown = cvfs_cli("diff", "HEAD~1", "HEAD", cwd=repository.path).ok()
    assert shown.stderr.startswith("cvfs: warning: bad.dvc:")
    assert cvfs_cli("diff", "--strict", "HEAD~1", "HEAD", cwd=repository.path).returncode == 1


def test_a_directory_of_unknown_files_says_so(cvfs_cli, repository):
    text = "outs:\n- md5: {}.dir\n  hash: md5\n  path: hashed\n"
    repository.commit("one", {"hashed.dvc": text.format("1" * 32)})
    repository.commit("two", {"hashed.dvc": text.format("2" * 32)})
    shown = cvfs_cli("diff", "HEAD~1", "HEAD", cwd=repository.path).ok().stdout
    assert "    hashed/ (a directory recorded by its hash; which files differ is not known here)\n" in shown
    line = json.loads(cvfs_cli("diff", "--json", "HEAD~1", "HEAD", cwd=repository.path).ok().stdout)
    assert (line["old"]["type"], line["old"]["md5"], line["old"]["size"]) == ("directory", "1" * 32, None)
