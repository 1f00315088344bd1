"""Adapters from the kernel's FUSE requests to ``cvfs.filesystem``, and mounting and unmounting."""
