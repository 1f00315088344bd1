"""A directory that keeps every version of every file put into it: the store that needs no service."""

from __future__ import annotations

from cvfs.stores.local.store import LocalStore

__all__ = ["LocalStore"]
