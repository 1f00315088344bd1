"""Every failure that cvfs reports, as one tree of exceptions.

Each carries a sentence for people (what, where) and, where there is one, a hint (what to do). The command line prints
both; the mount turns the type into an errno (the table is in ``cvfs/fuse/errnos.py``). No message may hold a secret.
"""

from __future__ import annotations


class CvfsError(Exception):
    """Base of all errors that are meant to be shown; anything else that escapes is a bug."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class RepositoryError(CvfsError):
    """The Git repository is missing, damaged, or git itself failed."""


class RevisionError(RepositoryError):
    """The revision names no commit of this repository."""


class MetafileError(CvfsError):
    """A metafile cannot be used, and ``--strict`` asked for that to be fatal."""


class ConfigError(CvfsError):
    """A DVC configuration file cannot be parsed, or a value in it makes no sense."""


class RemoteError(CvfsError):
    """A remote is not configured, or its URL or options cannot be used."""


class TrustError(RemoteError):
    """A value that the repository brought would run a program, send credentials elsewhere or weaken TLS."""


class SnapshotError(CvfsError):
    """A snapshot index cannot be built or read."""


class NotInSnapshotError(SnapshotError):
    """The commit has no such path."""


class StoreError(CvfsError):
    """A store answered with a failure, or not at all. Base of all that reading or writing an object can raise."""


class CredentialsError(StoreError):
    """Credentials are missing, expired or malformed: nothing was sent, or the store did not know us."""


class AccessDeniedError(StoreError):
    """The store refused. S3 without ListBucket answers so for a missing key or version, too."""


class VersionNotFoundError(StoreError):
    """The recorded version (or its object, or its bucket) no longer exists."""


class ArchivedError(StoreError):
    """The object lies in an archive tier and has to be restored before it can be read."""


class UnavailableError(StoreError):
    """Throttled, 5xx, reset or timed out. Worth another try; ``retry`` raises it again after the last one."""


class IntegrityError(StoreError):
    """The bytes are not those that were recorded (size, hash, range, version id or etag differ)."""


class SourceChangedError(StoreError):
    """The bytes that were to be uploaded are not those that were announced. Nothing was stored."""


class KeyTakenError(StoreError):
    """An upload was to make a new key, and an object is there already. Nothing was stored."""


class VersioningOffError(StoreError):
    """The store keeps no versions, or its answer to an upload named none."""


class NotPushedError(CvfsError):
    """The entry has no version id and its content is in no cache: it was never pushed."""


class UnlistedError(CvfsError):
    """A directory is known only by its hash, and the listing behind the hash cannot be had."""


class CacheError(CvfsError):
    """The cache directory cannot be used."""


class CacheFullError(CacheError):
    """The cache's volume has no room, even after eviction."""


class MountError(CvfsError):
    """The mount point cannot be used, or the kernel refused the mount."""


class BusyError(MountError):
    """The mount cannot be unmounted, because somebody uses it."""


class WorkspaceError(CvfsError):
    """A file of the work tree cannot be read, written or tracked."""


class TargetError(WorkspaceError):
    """A target on the command line names nothing that is tracked."""


class UnstableFileError(WorkspaceError):
    """A file changed while it was read, at every attempt."""


class ChangedMeanwhileError(WorkspaceError):
    """A file on disk is not the one that was read: somebody else changed it, and it was left alone."""


class LockedError(WorkspaceError):
    """Another cvfs or DVC is writing to the same clone."""
