"""The one table from what went wrong to the errno that a program on the mount sees."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from types import MappingProxyType

from cvfs import errors

#: Every class of ``cvfs.errors`` is here, so that a new one is a decision and not an accident.
ERRNOS: Mapping[type[errors.CvfsError], int] = MappingProxyType(
    {
        errors.CvfsError: errno.EIO,
        # What is wrong with the repository or its configuration is told before a mount appears; a remote that nothing
        # needed until now is the exception.
        errors.RepositoryError: errno.EIO,
        errors.RevisionError: errno.EIO,
        errors.MetafileError: errno.EIO,
        errors.ConfigError: errno.EIO,
        errors.RemoteError: errno.EIO,
        errors.TrustError: errno.EACCES,
        errors.SnapshotError: errno.EIO,
        errors.NotInSnapshotError: errno.ENOENT,
        errors.StoreError: errno.EIO,
        errors.CredentialsError: errno.EACCES,
        errors.AccessDeniedError: errno.EACCES,
        errors.VersionNotFoundError: errno.ESTALE,
        errors.ArchivedError: errno.EACCES,
        errors.UnavailableError: errno.EIO,
        errors.IntegrityError: errno.EIO,
        errors.VersioningOffError: errno.EIO,
        errors.NotPushedError: errno.ENODATA,
        errors.UnlistedError: errno.ENODATA,
        errors.CacheError: errno.EIO,
        errors.CacheFullError: errno.ENOSPC,
        errors.MountError: errno.EIO,
        errors.BusyError: errno.EBUSY,
        # A mount uploads nothing.
        errors.SourceChangedError: errno.EIO,
        errors.KeyTakenError: errno.EIO,
        # These belong to the work tree, which a mount never touches.
        errors.WorkspaceError: errno.EIO,
        errors.TargetError: errno.EIO,
        errors.UnstableFileError: errno.EIO,
        errors.ChangedMeanwhileError: errno.EIO,
        errors.LockedError: errno.EIO,
    }
)


def errno_of(error: errors.CvfsError) -> int:
    """Return the errno for ``error``: that of its own class, else of the nearest base."""
    return next(ERRNOS[kind] for kind in type(error).__mro__ if kind in ERRNOS)
