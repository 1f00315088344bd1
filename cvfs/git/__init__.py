"""Revisions, trees and blobs, read through the ``git`` command and nothing else."""

from cvfs.git.remote_repository import RemoteRepository
from cvfs.git.repository import Commit, Repository, TreeEntry

__all__ = ["Commit", "RemoteRepository", "Repository", "TreeEntry"]
