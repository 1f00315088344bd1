"""The table of errors, row by row."""

from __future__ import annotations

import errno
import inspect

import pytest

from cvfs import errors
from cvfs.fuse.errnos import ERRNOS, errno_of

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.CvfsError)]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.CredentialsError, errno.EACCES),
        (errors.AccessDeniedError, errno.EACCES),
        (errors.TrustError, errno.EACCES),
        (errors.ArchivedError, errno.EACCES),
        (errors.VersionNotFoundError, errno.ESTALE),
        (errors.NotPushedError, errno.ENODATA),
        (errors.UnlistedError, errno.ENODATA),
        (errors.UnavailableError, errno.EIO),
        (errors.IntegrityError, errno.EIO),
        (errors.RemoteError, errno.EIO),
        (errors.CacheFullError, errno.ENOSPC),
        (errors.CacheError, errno.EIO),
        (errors.NotInSnapshotError, errno.ENOENT),
    ],
)
def test_what_happened_decides_the_errno(error: type[errors.CvfsError], expected: int) -> None:
    assert errno_of(error("reason")) == expected


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_of_cvfs_is_in_the_table(kind: type[errors.CvfsError]) -> None:
    assert kind in ERRNOS


def test_unknown_error_counts_as_the_nearest_one_that_is_known() -> None:
    class NewlyInventedError(errors.ArchivedError):
        pass

    class UnrelatedError(errors.CvfsError):
        pass

    assert errno_of(NewlyInventedError("reason")) == errno.EACCES
    assert errno_of(UnrelatedError("reason")) == errno.EIO
