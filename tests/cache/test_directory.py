"""The cache's directory belongs to its user alone."""

from __future__ import annotations

import os
import stat

import pytest

from cvfs.cache.cache import Cache
from cvfs.cache.directory import create_private, exclusive, make_private, open_layout, try_lock
from cvfs.errors import CacheError

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode_of(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def test_everything_is_private_whatever_the_umask(tmp_path, umask):
    cache = Cache(str(tmp_path / "a/b/cache"))
    cache.put("md5-" + "1" * 32, b"small")
    cache.put("md5-" + "2" * 32, bytes(200_000))
    cache.partial("md5-" + "3" * 32, 500_000).write(0, bytes(256 * 1024))
    cache.flush()
    modes = {}
    for folder, folders, files in os.walk(tmp_path / "a/b/cache"):
        modes |= {os.path.join(folder, name): (mode_of(os.path.join(folder, name)), 0o700) for name in folders}
        modes |= {os.path.join(folder, name): (mode_of(os.path.join(folder, name)), 0o600) for name in files}
    cache.close()
    # Locks and the time stamp hold nothing: there it is enough that nobody else gets in.
    wrong = {
        path: oct(found)
        for path, (found, wanted) in modes.items()
        if (found & 0o077 if path.endswith((".lock", "tidied")) else found != wanted)
    }
    assert len(modes) >= 8
    assert wrong == {}


def test_a_directory_that_was_open_to_others_is_closed(tmp_path):
    (tmp_path / "v1").mkdir(mode=0o755)
    open_layout(str(tmp_path))
    assert mode_of(tmp_path / "v1") == 0o700


def test_the_users_own_directory_keeps_its_mode(tmp_path):
    (tmp_path / "given").mkdir(mode=0o750)
    open_layout(str(tmp_path / "given"))
    assert mode_of(tmp_path / "given") == 0o750


@needs_root
@pytest.mark.parametrize("inner", ["", "v1"])
def test_a_directory_of_someone_else_is_refused(tmp_path, inner):
    (tmp_path / "theirs/v1").mkdir(parents=True)
    os.chown(tmp_path / "theirs" / inner, 12345, 12345)
    with pytest.raises(CacheError, match="12345") as caught:
        open_layout(str(tmp_path / "theirs"))
    assert "--cache-dir" in caught.value.hint


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "v1").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CacheError, match="not a folder"):
        open_layout(str(tmp_path))


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CacheError, match="file"):
        open_layout(str(tmp_path / "file"))
    with pytest.raises(CacheError, match="file"):
        open_layout(str(tmp_path / "file/inside"))


def test_a_folder_that_cannot_be_made_is_a_cache_error(tmp_path):
    with pytest.raises(CacheError, match="missing"):
        make_private(str(tmp_path / "missing/folder"))


def test_a_new_file_never_replaces_one(tmp_path):
    os.close(create_private(str(tmp_path / "file")))
    with pytest.raises(FileExistsError):
        create_private(str(tmp_path / "file"))


def test_temporary_names_do_not_repeat(tmp_path):
    layout = open_layout(str(tmp_path))
    assert len({layout.temporary() for _ in range(100)}) == 100


def test_a_lock_is_held_by_one_descriptor(tmp_path):
    first = create_private(str(tmp_path / "file"))
    second = os.open(tmp_path / "file", os.O_RDWR)
    assert try_lock(first)
    assert not try_lock(second)
    os.close(first)
    assert try_lock(second)
    os.close(second)


def test_the_cache_wide_lock_is_given_back_after_an_error(tmp_path):
    layout = open_layout(str(tmp_path))
    with pytest.raises(KeyError), exclusive(layout, "evict"):
        raise KeyError
    with exclusive(layout, "evict"):
        pass
