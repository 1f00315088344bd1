"""Verified content on disk, by content key: atomic, bounded, shared by any number of processes (see ``cache.py``)."""
