"""What ``cvfs push`` promises, with the installed command, on every kind of remote."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from projects import Project

FILES = {"data/a.csv": b"a\n", "data/b.csv": b"b\n", "data/deep/c.bin": bytes(range(256)) * 100, "data/empty": b""}


@pytest.fixture
def pushed(project: Project) -> Project:
    """Push and commit a directory and a file."""
    project.write({**FILES, "model.bin": b"weights"})
    project.add("data", "model.bin")
    project.push()
    project.repository.commit("one")
    return project


def snapshot(project: Project) -> dict[str, bytes]:
    """Return the text of each metafile."""
    return {path.name: path.read_bytes() for path in project.path.glob("?*.dvc")}


def test_first_push_records_each_file_with_its_version(pushed: Project) -> None:
    assert set(pushed.versions("data.dvc")) == {"a.csv", "b.csv", "deep/c.bin", "empty"}
    pushed.check_recorded("data.dvc")
    pushed.check_recorded("model.bin.dvc")
    assert pushed.bucket.live() == sorted([*FILES, "model.bin"])


def test_push_says_what_it_did_and_what_comes_next(project: Project) -> None:
    project.write(FILES)
    project.add("data")
    first = project.push()
    assert "4 files pushed" in first.stdout
    assert "git add data.dvc" in first.stdout
    assert project.push().stdout == "Everything is up to date.\n"


def test_no_op_push_changes_nothing(pushed: Project) -> None:
    before = snapshot(pushed)
    assert pushed.push().stdout == "Everything is up to date.\n"
    assert snapshot(pushed) == before
    assert [len(pushed.bucket.contents(key)) for key in FILES] == [1, 1, 1, 1]


def test_change_is_pushed_without_add_and_others_keep_their_versions(pushed: Project) -> None:
    before = pushed.versions("data.dvc")
    pushed.write({"data/a.csv": b"changed\n", "data/new.csv": b"new\n"})
    pushed.push()
    after = pushed.versions("data.dvc")
    assert {name for name in before if before[name] != after[name]} == {"a.csv"}
    assert set(after) - set(before) == {"new.csv"}
    assert pushed.bucket.contents("data/a.csv") == [b"a\n", b"changed\n"]
    pushed.check_recorded("data.dvc")


def test_absent_file_stays_recorded(pushed: Project) -> None:
    before = snapshot(pushed)
    (pushed.path / "data/a.csv").unlink()
    (pushed.path / "model.bin").unlink()
    assert pushed.push().stdout == "Everything is up to date.\n"
    assert snapshot(pushed) == before
    assert "data/a.csv" in pushed.bucket.live()


def test_push_from_a_fresh_clone_changes_nothing(pushed: Project, tmp_path: Path) -> None:
    clone = pushed.clone(tmp_path / "fresh")
    assert clone.push().stdout == "Everything is up to date.\n"
    assert clone.repository.git("status", "--porcelain") == ""


def test_push_after_a_partial_checkout_adds_only_what_is_new(pushed: Project, tmp_path: Path) -> None:
    clone = pushed.clone(tmp_path / "fresh")
    clone.write({"data/later.csv": b"later\n"})
    clone.push()
    assert set(clone.versions("data.dvc")) == {*pushed.versions("data.dvc"), "later.csv"}


def test_two_pushers_from_the_same_commit_both_end_with_correct_records(pushed: Project, tmp_path: Path) -> None:
    other = pushed.clone(tmp_path / "other")
    other.write({"data/a.csv": b"theirs\n"})
    other.push()
    pushed.write({"data/a.csv": b"mine\n", "data/b.csv": b"mine, too\n"})
    pushed.push()
    for clone in (other, pushed):
        clone.check_recorded("data.dvc")
    assert pushed.bucket.contents("data/a.csv") == [b"a\n", b"theirs\n", b"mine\n"]


def test_going_back_to_an_older_commit_and_pushing_changes_nothing(pushed: Project) -> None:
    pushed.write({"data/a.csv": b"second\n"})
    pushed.push()
    pushed.repository.commit("two")
    pushed.repository.git("checkout", "-q", "HEAD~1")
    pushed.write({"data/a.csv": b"a\n"})
    assert pushed.push().stdout == "Everything is up to date.\n"
    assert pushed.bucket.contents("data/a.csv") == [b"a\n", b"second\n"]
    assert pushed.repository.git("status", "--porcelain") == ""


def test_renamed_and_copied_files_are_copied_on_the_remote(pushed: Project) -> None:
    os.rename(pushed.path / "data/deep/c.bin", pushed.path / "data/moved.bin")
    pushed.write({"other/same.bin": FILES["data/deep/c.bin"]})
    pushed.add("other")
    done = pushed.push()
    assert "2 files pushed (2 copied on the remote)" in done.stdout
    pushed.check_recorded("other.dvc")
    assert pushed.entries("data.dvc")["moved.bin"]["md5"] == pushed.entries("data.dvc")["deep/c.bin"]["md5"]
    pushed.check_recorded("data.dvc")


def test_renamed_file_is_copied_though_add_recorded_that_it_went(pushed: Project) -> None:
    os.rename(pushed.path / "data/deep/c.bin", pushed.path / "data/moved.bin")
    pushed.add("data")
    assert "1 file pushed (1 copied on the remote)" in pushed.push().stdout
    pushed.check_recorded("data.dvc")


def test_repeated_content_is_uploaded_once(project: Project) -> None:
    project.write({f"data/{number}": b"the same\n" for number in range(5)})
    project.add("data")
    assert "5 files pushed (4 copied on the remote)" in project.push().stdout
    project.check_recorded("data.dvc")


def test_metafile_keeps_comments_order_and_unknown_keys(pushed: Project) -> None:
    path = pushed.path / "data.dvc"
    text = path.read_text(encoding="utf-8")
    text = "# ours\n" + text.replace("- relpath: b.csv", "# about b\n  - relpath: 'b.csv'") + "meta: {owner: 'me'}\n"
    path.write_text(text, encoding="utf-8")
    pushed.write({"data/a.csv": b"changed\n"})
    pushed.push()
    old, new = text.splitlines(), path.read_text(encoding="utf-8").splitlines()
    assert len(old) == len(new)
    differing = [line.strip().partition(":")[0] for line, other in zip(old, new, strict=True) if line != other]
    assert set(differing) <= {"md5", "size", "etag", "version_id"}


def test_executable_files_are_recorded_so_in_directories(project: Project) -> None:
    project.write(FILES)
    (project.path / "data/a.csv").chmod(0o755)
    project.add("data")
    project.push()
    assert {name for name, entry in project.entries("data.dvc").items() if entry.get("isexec")} == {"a.csv"}
    # DVC loses the permission when it checks out; a change of the content must not record that.
    (project.path / "data/a.csv").write_bytes(b"changed\n")
    (project.path / "data/a.csv").chmod(0o644)
    project.push()
    assert project.entries("data.dvc")["a.csv"]["isexec"] is True


def test_dry_run_tells_and_does_nothing(pushed: Project) -> None:
    before = snapshot(pushed)
    pushed.write({"data/a.csv": b"changed\n", "data/copy": b"b\n"})
    told = pushed.push("--dry-run").stdout
    assert "would upload data/a.csv (8 B) to up" in told
    assert "would copy data/copy" in told
    assert snapshot(pushed) == before
    assert len(pushed.bucket.contents("data/a.csv")) == 1


def test_targets_choose_outs(project: Project) -> None:
    project.write({**FILES, "model.bin": b"weights", "sub/other.bin": b"other"})
    project.add("data", "model.bin", "sub/other.bin")
    project.push("model.bin")
    assert project.bucket.live() == ["model.bin"]
    project.push("sub")
    assert project.bucket.live() == ["model.bin", "sub/other.bin"]
    project.push("data.dvc")
    assert project.bucket.live() == sorted([*FILES, "model.bin", "sub/other.bin"])


def test_unknown_target_is_an_error(pushed: Project) -> None:
    failed = pushed.cvfs("push", "nothing")
    assert failed.returncode == 1
    assert "'nothing' is no metafile, out or stage" in failed.stderr


def test_a_part_of_an_out_is_no_target(pushed: Project) -> None:
    failed = pushed.cvfs("push", "data/a.csv")
    assert failed.returncode == 1
    assert "name the out: data" in failed.stderr


def test_file_that_became_a_directory_asks_for_add(pushed: Project) -> None:
    (pushed.path / "model.bin").unlink()
    pushed.write({"model.bin/part": b"1", "data/a.csv": b"changed\n"})
    failed = pushed.cvfs("push")
    assert failed.returncode == 1
    assert "model.bin is recorded as a file, and is a directory now" in failed.stderr
    assert pushed.bucket.contents("data/a.csv")[-1] == b"changed\n"  # the others go on


def test_stage_outs_are_recorded_in_the_lock(project: Project) -> None:
    stages = {
        "make": {"cmd": "true", "outs": ["out", {"kept.txt": {"cache": False}}, {"mine.bin": {"push": False}}]},
        "other": {"cmd": "true", "outs": ["second.bin"]},
    }
    project.write({"out/x": b"x\n", "kept.txt": b"k\n", "mine.bin": b"m\n", "second.bin": b"s\n"})
    (project.path / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}), encoding="utf-8")
    lock = {
        "schema": "2.0",
        "stages": {
            "make": {"cmd": "true", "outs": [
                {"path": "kept.txt", "hash": "md5", "md5": "37525b2cd69eebdcf0ab9af4d5b04f8b", "size": 2},
                {"path": "mine.bin", "hash": "md5", "md5": "37525b2cd69eebdcf0ab9af4d5b04f8b", "size": 2},
                {"path": "out", "hash": "md5", "files": [
                    {"relpath": "x", "md5": "401b30e3b8b5d629635a5c613cdb7919", "size": 2}]},
            ]},
            "other": {"cmd": "true", "outs": [
                {"path": "second.bin", "hash": "md5", "md5": "37525b2cd69eebdcf0ab9af4d5b04f8b", "size": 2}]},
        },
    }  # fmt: skip
    (project.path / "dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False), encoding="utf-8")
    pipeline = (project.path / "dvc.yaml").read_bytes()
    project.push("dvc.yaml:make")
    assert project.bucket.live() == ["out/x"]
    project.push()
    assert project.bucket.live() == ["out/x", "second.bin"]
    assert (project.path / "dvc.yaml").read_bytes() == pipeline
    written = yaml.safe_load((project.path / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    assert written["make"]["outs"][2]["files"][0]["cloud"]["up"]["version_id"]
    assert "cloud" not in written["make"]["outs"][1]


def test_second_remote_is_refused_with_the_way_out(pushed: Project, make_bucket: object, tmp_path: Path) -> None:
    two = make_bucket("two")
    pushed.connect("two", two)
    before = snapshot(pushed)
    failed = pushed.cvfs("push", "-r", "two")
    assert failed.returncode == 1
    assert "data has versions on the remote 'up', and an entry can name one remote only" in failed.stderr
    assert "cvfs push -r two --migrate data" in failed.stderr
    assert snapshot(pushed) == before
    # A clone without the data moves it from remote to remote.
    clone = pushed.clone(tmp_path / "fresh")
    clone.connect("two", two)
    clone.write({"data/a.csv": FILES["data/a.csv"]})
    done = clone.push("-r", "two", "--migrate")
    assert "5 files pushed" in done.stdout
    assert "DVC looks for it on its default remote" in done.stderr
    assert two.live() == sorted([*FILES, "model.bin"])
    for relpath, entry in clone.entries("data.dvc").items():
        assert list(entry["cloud"]) == ["two"]
        assert two.read(f"data/{relpath}", entry["cloud"]["two"]["version_id"]) == FILES[f"data/{relpath}"]


def test_never_pushed_and_absent_is_reported_and_others_go_on(project: Project) -> None:
    project.write(FILES)
    project.add("data")
    (project.path / "data/b.csv").unlink()
    failed = project.cvfs("push")
    assert failed.returncode == 1
    assert "data/b.csv: it was never pushed" in failed.stderr
    assert set(project.versions("data.dvc")) == {"a.csv", "deep/c.bin", "empty"}
    assert "md5" in project.entries("data.dvc")["b.csv"]


def test_remote_without_versions_is_refused(project: Project) -> None:
    project.cvfs("remote", "modify", "up", "--unset", "version_aware").ok()
    project.write(FILES)
    project.add("data")
    failed = project.cvfs("push")
    assert failed.returncode == 1
    assert "cvfs remote modify up version_aware true" in failed.stderr


def test_pushed_commit_is_mountable_data(pushed: Project) -> None:
    listed = pushed.cvfs("cat", "HEAD", "data/deep/c.bin").ok()
    assert listed.raw == FILES["data/deep/c.bin"]
