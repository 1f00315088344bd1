"""The command as users meet it: output, messages, exit codes."""

from __future__ import annotations

import hashlib
import json
import subprocess

import pytest
from command import cvfs_program
from cvfs_cli import main as cli_main
from publishing import REMOTE, configure, publish

from cvfs.stores.local import LocalStore


@pytest.fixture
def dataset(make_repository, tmp_path):
    """Make a repository with one commit of data in a local versioned store."""
    repository = make_repository("dataset")
    data = repository.path / "data"
    (data / "sub").mkdir(parents=True)
    (data / "a.txt").write_bytes(b"first\n")
    (data / "sub" / "b c.bin").write_bytes(bytes(range(256)))
    store = str(tmp_path / "store")
    (repository.path / ".dvc").mkdir()
    configure(repository.path, store)
    publish(repository.path, "data", LocalStore(store))
    repository.commit("first")
    return repository


def test_ls_shows_one_level_and_slashes(cvfs_cli, dataset):
    assert cvfs_cli("ls", "HEAD", cwd=dataset.path).ok().stdout == "data/\n"
    assert cvfs_cli("ls", "HEAD", "data", cwd=dataset.path).ok().stdout == "data/a.txt\ndata/sub/\n"


def test_ls_recursively_and_of_one_file(cvfs_cli, dataset):
    shown = cvfs_cli("ls", "-R", "HEAD", "--repo", dataset.path).ok().stdout
    assert shown == "data/\ndata/a.txt\ndata/sub/\ndata/sub/b c.bin\n"
    assert cvfs_cli("ls", "HEAD", "data/a.txt", "--repo", dataset.path).ok().stdout == "data/a.txt\n"


def test_ls_long_shows_sizes(cvfs_cli, dataset):
    lines = cvfs_cli("ls", "-lR", "HEAD", "--repo", dataset.path).ok().stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["dr-xr-xr-x", "-"],
        ["-r--r--r--", "6"],
        ["dr-xr-xr-x", "-"],
        ["-r--r--r--", "256"],
    ]


def test_ls_as_json_has_an_object_a_line(cvfs_cli, dataset):
    lines = cvfs_cli("ls", "-R", "--json", "HEAD", "--repo", dataset.path).ok().stdout.splitlines()
    objects = [json.loads(line) for line in lines]
    keys = ["path", "type", "size", "md5", "remote", "key", "version_id", "etag"]
    assert [list(each) for each in objects] == [keys] * 4
    file = objects[1]
    assert (file["path"], file["type"], file["size"]) == ("data/a.txt", "file", 6)
    assert file["md5"] == hashlib.md5(b"first\n").hexdigest()
    assert file["remote"] == REMOTE
    assert file["key"] == "data/a.txt"
    assert file["version_id"]
    assert objects[0] == dict.fromkeys(keys) | {"path": "data", "type": "directory"}


def test_cat_writes_the_bytes(cvfs_cli, dataset):
    assert cvfs_cli("cat", "HEAD", "data/sub/b c.bin", "--repo", dataset.path).ok().raw == bytes(range(256))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ls", "no-such-revision"), "no-such-revision"),
        (("ls", "HEAD", "no/such/path"), "has no data at 'no/such/path'"),
        (("cat", "HEAD", "data"), "is a directory"),
        (("cat", "HEAD", "nothing"), "has no data at"),
        (("ls", "HEAD", "--repo", "/proc"), "not in a Git repository"),
        (("umount", "/proc"), "not a mount of cvfs"),
        (("mount", "HEAD", "/no/such/place"), "/no/such/place"),
        (("cat", "HEAD", "data/a.txt", "--remote-config", "nonsense"), "NAME.KEY=VALUE"),
    ],
)
def test_a_failure_is_a_sentence_and_exit_code_1(cvfs_cli, dataset, arguments, message):
    done = cvfs_cli(*arguments, cwd=dataset.path)
    assert done.returncode == 1
    assert done.stderr.startswith("cvfs: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("no-such-command",),
        ("ls",),
        ("mount", "HEAD"),
        ("mount", "HEAD", "/mnt", "--file-mode", "rwx"),
        ("mount", "HEAD", "/mnt", "-o", "dir_mode=9"),
        ("mount", "HEAD", "/mnt", "--uid", "no-such-user-here"),
        ("mount", "HEAD", "/mnt", "--log-level", "loud"),
    ],
)
def test_wrong_usage_is_exit_code_2(cvfs_cli, dataset, arguments):
    done = cvfs_cli(*arguments, cwd=dataset.path)
    assert done.returncode == 2
    assert "Usage:" in done.stderr + done.stdout


def test_writing_cannot_be_asked_for(cvfs_cli, dataset, tmp_path):
    (tmp_path / "mnt").mkdir()
    done = cvfs_cli("mount", "HEAD", tmp_path / "mnt", "-o", "rw", cwd=dataset.path)
    assert done.returncode == 1
    assert "a commit cannot be changed" in done.stderr


def test_a_bad_metafile_is_a_warning_or_with_strict_an_error(cvfs_cli, dataset):
    (dataset.path / "bad.dvc").write_text("outs:\n- path: ../../outside\n  md5: " + "1" * 32 + "\n")
    dataset.commit("bad")
    done = cvfs_cli("ls", "HEAD", cwd=dataset.path).ok()
    assert done.stdout == "data/\n"
    assert done.stderr.startswith("cvfs: warning: bad.dvc:2: ")
    strict = cvfs_cli("ls", "--strict", "HEAD", cwd=dataset.path)
    assert strict.returncode == 1
    assert "bad.dvc:2" in strict.stderr


def test_names_cannot_speak_to_the_terminal(cvfs_cli, dataset):
    (dataset.path / "bad.dvc").write_text('outs:\n- path: "../\\e[31mred"\n  md5: ' + "1" * 32 + "\n")
    dataset.commit("bad")
    assert "\x1b" not in cvfs_cli("ls", "HEAD", cwd=dataset.path).stderr


def test_a_reader_of_the_output_may_have_enough(shell, dataset):
    pipe = 'program="$1"; shift; "$program" "$@" | head -n 1'
    process = shell.start("sh", "-c", pipe, "sh", cvfs_program(), "ls", "-R", "HEAD", cwd=dataset.path)
    out, err = process.communicate(timeout=60)
    assert (out, err) == (b"data/\n", b"")


def test_mounts_as_json_names_the_process(shell, fuse, dataset, tmp_path):
    with shell.mounted(
        "HEAD", tmp_path / "mnt", "--repo", dataset.path, "-o", "ro,file_mode=0400", "--log-format", "json"
    ):
        assert (tmp_path / "mnt/data/a.txt").read_bytes() == b"first\n"
        assert (tmp_path / "mnt/data/a.txt").stat().st_mode & 0o777 == 0o400
        [listed] = map(json.loads, shell.cvfs("mounts", "--json").ok().stdout.splitlines())
        assert listed["mountpoint"] == str(tmp_path / "mnt")
        assert len(listed["commit"]) == 40
        assert listed["state"] == "alive"
        subprocess.run(["kill", "-0", str(listed["pid"])], check=True)
        assert listed["cache"]["directory"]
        assert str(tmp_path / "mnt") in shell.cvfs("mounts").ok().stdout
    assert shell.cvfs("mounts").ok().stdout == ""


def test_unmount_is_another_name_of_umount(shell, fuse, dataset, tmp_path):
    (tmp_path / "mnt").mkdir()
    shell.cvfs("mount", "HEAD", tmp_path / "mnt", "--repo", dataset.path).ok()
    shell.cvfs("unmount", tmp_path / "mnt").ok()


def test_a_failed_read_leaves_one_line_in_the_log(shell, fuse, dataset, tmp_path):
    log = tmp_path / "log"
    options = ("--repo", dataset.path, "--log-file", log, "--log-format", "json", "--remote-config")
    with shell.mounted("HEAD", tmp_path / "mnt", *options, f"{REMOTE}.url={tmp_path / 'nowhere'}"):
        with pytest.raises(OSError):
            (tmp_path / "mnt/data/a.txt").read_bytes()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    about = [line["message"] for line in lines if "data/a.txt" in line["message"] and line["level"] == "warning"]
    assert about


def test_a_bug_is_a_sentence_too(monkeypatch, capsys):
    def explode(*_arguments, **_options):
        raise RuntimeError("boom")

    monkeypatch.setattr(cli_main.cvfs, "main", explode)
    assert cli_main.run(["ls", "HEAD"]) == 1
    shown = capsys.readouterr().err
    assert "this is a bug in cvfs" in shown
    assert "Traceback" not in shown
    monkeypatch.setenv("CVFS_DEBUG", "1")
    cli_main.run(["ls", "HEAD"])
    assert "boom" in capsys.readouterr().err
