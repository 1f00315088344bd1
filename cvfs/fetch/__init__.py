"""Bytes of a content, from this machine or from its store: each download happens once (see ``fetcher.py``)."""
