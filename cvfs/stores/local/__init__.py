"""Directories as stores: one that keeps every version of every file put into it, and any other, to read from."""

from __future__ import annotations

from cvfs.stores.local.directory import DirectoryStore
from cvfs.stores.local.store import LocalStore

__all__ = ["DirectoryStore", "LocalStore"]
