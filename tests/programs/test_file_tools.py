"""The programs that list, copy, search and compare files do in a mount what they do on a local disk."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

from mounted_dataset import Mount


def files_of(top: Path) -> dict[str, Path]:
    return {str(path.relative_to(top)): path for path in top.rglob("*") if path.is_file()}


def test_find_sees_every_name_type_and_size(mount: Mount) -> None:
    in_mount, beside = mount.run_on_both("find", "data", "(", "-type", "f", "-printf", "%s %p\\0", ")", "-o", "-print0")
    assert sorted(in_mount.stdout.split("\0")) == sorted(beside.stdout.split("\0"))
    assert len(in_mount.stdout.split("\0")) > 130


def test_every_file_has_one_link_and_an_inode_of_its_own(mount: Mount) -> None:
    lines = mount.run("find", "data", "-type", "f", "-printf", "%n %i\n").stdout.splitlines()
    links, inodes = zip(*(line.split() for line in lines), strict=True)
    assert set(links) == {"1"}
    assert len(set(inodes)) == len(inodes)


def test_ls_lists_recursively_what_was_published(mount: Mount) -> None:
    in_mount, beside = mount.run_on_both("ls", "-R", "data")
    assert in_mount.stdout == beside.stdout
    long = mount.run("ls", "-lR", "data")
    assert long.stderr == ""
    sizes = sorted(int(line.split()[4]) for line in long.stdout.splitlines() if line.startswith("-"))
    assert sizes == sorted(path.stat().st_size for path in files_of(mount.plain).values())


def test_stat_tells_the_commits_time_read_only_modes_and_the_owner(mount: Mount) -> None:
    owner = f"{mount.shell.account.uid} {mount.shell.account.gid}"
    shown = mount.run("stat", "-c", "%Y %a %u %g", "data/large.bin", "data/hello.sh", "data").stdout.splitlines()
    assert shown == [f"{mount.dataset.committed} {mode} {owner}" for mode in ("444", "555", "555")]


def test_du_adds_up_the_files(mount: Mount) -> None:
    total = mount.run("sh", "-c", "find data -type f -print0 | du -cb --files0-from=- | tail -n 1").stdout
    sizes = [path.stat().st_size for path in files_of(mount.plain).values()]
    assert int(total.split()[0]) == sum(sizes)
    blocks = mount.run("du", "-s", "--block-size=512", "data/large.bin").stdout
    assert int(blocks.split()[0]) == -(-(mount.plain / "data/large.bin").stat().st_size // 512)


def test_cp_copies_every_byte(mount: Mount) -> None:
    copy = mount.scratch / "copy"
    mount.run("cp", "-r", "data", copy)
    mount.shell.run("diff", "-r", copy, mount.plain / "data").ok()
    mount.shell.run(
        "chmod", "-R", "u+w", copy
    ).ok()  # the copy is as read-only as the original; the clean-up is not root


def test_cp_preserving_attributes_keeps_modes_and_times(mount: Mount) -> None:
    copy = mount.scratch / "preserved"
    mount.run("cp", "-a", "data/hello.sh", copy)
    in_mount = mount.run("stat", "-c", "%a %Y", "data/hello.sh").stdout
    assert mount.shell.run("stat", "-c", "%a %Y", copy).ok().stdout == in_mount


def test_tar_stores_equal_files_in_full(mount: Mount) -> None:
    archive = mount.scratch / "data.tar"
    mount.run("tar", "-cf", archive, "data")
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
        assert [member.name for member in members if member.islnk()] == []
        stored = {m.name: tar.extractfile(m).read() for m in members if m.isfile()}
    assert stored == {name: path.read_bytes() for name, path in files_of(mount.plain).items()}


def test_rsync_with_checksums_finds_nothing_to_do(mount: Mount) -> None:
    assert mount.run("rsync", "-rc", "--dry-run", "--itemize-changes", "data", mount.plain).stdout == ""


def test_rsync_sees_a_file_that_differs(mount: Mount) -> None:
    copy = mount.scratch / "rsynced"
    mount.run("rsync", "-rt", "--chmod=u+w", "data/twins/", copy)
    mount.shell.run("sh", "-c", 'printf x | dd of="$0" bs=1 conv=notrunc status=none', copy / "one").ok()
    changed = mount.run("rsync", "-rc", "--dry-run", "--itemize-changes", "data/twins/", copy).stdout
    assert [line.split()[-1] for line in changed.splitlines() if line.startswith(">f")] == ["one"]


def test_grep_finds_the_same_lines(mount: Mount) -> None:
    in_mount, beside = mount.run_on_both("grep", "-rc", "needle", "data")
    assert sorted(in_mount.stdout.splitlines()) == sorted(beside.stdout.splitlines())
    assert sum(not line.endswith(":0") for line in in_mount.stdout.splitlines()) == 12


def test_md5sum_checks_every_file(mount: Mount) -> None:
    sums = mount.scratch / "MD5SUMS"
    lines = [f"{hashlib.md5(path.read_bytes()).hexdigest()}  {name}" for name, path in files_of(mount.plain).items()]
    sums.write_text("\n".join(lines) + "\n")
    assert mount.run("md5sum", "-c", sums).stdout.count(": OK\n") == len(lines)


def test_no_program_can_change_anything(mount: Mount) -> None:
    for command in (
        ["touch", "data/new"],
        ["rm", "data/empty"],
        ["mv", "data/empty", "data/moved"],
        ["mkdir", "data/folder"],
        ["chmod", "777", "data/empty"],
        ["truncate", "-s", "1", "data/empty"],
        ["ln", "-s", "x", "data/link"],
    ):
        refused = mount.shell.run(*command, cwd=mount.top)
        assert refused.returncode != 0
        assert "Read-only file system" in refused.stderr
