"""``cvfs pull`` as a shell sees it: what it prints, and its exit codes."""

from __future__ import annotations

import json

import pytest
from command import Outcome, Shell
from pulled import NEW, OLD, Dataset, contents, write
from repositories import GitRepository

MINE = b"made here, stored nowhere\n"


@pytest.fixture
def clone(dataset: Dataset) -> GitRepository:
    return dataset.clone()


def lines(outcome: Outcome) -> list[str]:
    return outcome.stdout.splitlines()


def test_summaries_are_those_of_dvc(dataset: Dataset, clone: GitRepository, shell: Shell) -> None:
    clone.git("checkout", "-q", dataset.old)
    done = shell.cvfs("pull", cwd=clone.path).ok()
    assert lines(done) == ["A       data/", "A       model", "4 files fetched and 4 files added"]
    assert lines(shell.cvfs("pull", cwd=clone.path).ok()) == ["Everything is up to date."]
    clone.git("checkout", "-q", dataset.new)
    (clone.path / "model").unlink()
    done = shell.cvfs("pull", cwd=clone.path).ok()
    assert lines(done) == [
        "M       data/",
        "A       model",
        "5 files fetched, 1 file modified, 5 files added and 1 file deleted",
    ]
    assert contents(clone) == NEW


def test_targets_and_paths_are_relative_to_where_one_stands(clone: GitRepository, shell: Shell) -> None:
    (clone.path / "sub").mkdir()
    done = shell.cvfs("pull", "../data/deep", "../model", cwd=clone.path / "sub").ok()
    assert lines(done) == ["A       ../data/", "A       ../model", "2 files fetched and 2 files added"]


def test_what_is_kept_is_told_with_the_way_out(clone: GitRepository, shell: Shell) -> None:
    write(clone.path, {"data/a": MINE})
    done = shell.cvfs("pull", "--repo", clone.path)
    assert done.returncode == 1
    assert "cvfs: data/a: kept, because it differs" in done.stderr
    assert "hint: --force" in done.stderr
    done = shell.cvfs("pull", "--force", cwd=clone.path).ok()
    assert lines(done) == ["M       data/", "1 file fetched and 1 file modified"]


def test_many_failures_are_counted(clone: GitRepository, shell: Shell) -> None:
    files = [
        f"  - {{relpath: f{number:02}, md5: {number:032}, size: 3, cloud: {{embedded: {{version_id: gone}}}}}}"
        for number in range(30)
    ]
    metafile = ["outs:", "- path: many", "  hash: md5", "  files:", *files]
    (clone.path / "many.dvc").write_text("\n".join(metafile) + "\n")
    done = shell.cvfs("pull", cwd=clone.path)
    assert (done.returncode, done.stderr.count("cvfs: many/f")) == (1, 20)
    assert "cvfs: and 10 more failures like these" in done.stderr
    assert contents(clone) == NEW


def test_json_has_each_file_and_the_sum(clone: GitRepository, shell: Shell) -> None:
    write(clone.path, {"model": MINE})
    done = shell.cvfs("pull", "--json", cwd=clone.path)
    *files, total = map(json.loads, lines(done))
    assert done.returncode == 1
    assert {file["path"] for file in files} == NEW.keys() - {"model"}
    assert total["event"] == "sum"
    assert (total["added"], total["modified"]) == (["data/"], [])
    assert total["files"] == {"fetched": 5, "modified": 0, "added": 6, "deleted": 0}
    assert [failure["path"] for failure in total["failures"]] == ["model"]


def test_data_of_a_revision_and_how_to_record_it(dataset: Dataset, clone: GitRepository, shell: Shell) -> None:
    done = shell.cvfs("pull", "--rev", "HEAD~1", cwd=clone.path).ok()
    assert contents(clone) == OLD
    assert "git checkout HEAD~1 -- METAFILE" in done.stderr
    assert clone.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("nonsense",), 1, "nonsense"),
        (("--rev", "nonsense"), 1, "nonsense"),
        (("-j", "0"), 2, "jobs"),
        (("--link", "magic"), 2, "magic"),
        (("--max-cache-size", "much"), 1, "not a size"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_done(
    clone: GitRepository, shell: Shell, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = shell.cvfs("pull", *arguments, cwd=clone.path)
    assert done.returncode == code
    assert said in done.stderr
    assert contents(clone) == {}
