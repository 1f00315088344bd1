"""The tree of one commit: built once from its metafiles, then only looked up."""

from cvfs.snapshot.build import open_snapshot
from cvfs.snapshot.snapshot import Node, Snapshot, Terms

__all__ = ["Node", "Snapshot", "Terms", "open_snapshot"]
