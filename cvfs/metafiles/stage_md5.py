"""The ``md5:`` at the top of an import's metafile: that of the stage itself, as DVC computes it.

It is the md5 of the metafile as JSON, without itself and what says nothing about the data (``dvc/stage/utils.py``,
``compute_md5``). DVC takes an import whose md5 differs for one that was edited.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from yaml.events import Event, MappingStartEvent, ScalarEvent, SequenceStartEvent

from cvfs.errors import MetafileError
from cvfs.metafiles.events import DocumentError, EntryError, Events

#: Left out of the root, and of every mapping.
_NOT_AT_ROOT = frozenset(("md5",))
_NOWHERE = frozenset(
    ("desc", "type", "labels", "meta", "locked", "frozen", "metric", "persist", "isexec", "size", "nfiles")
)

# YAML 1.2's core schema.
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def stage_md5(data: bytes) -> str:
    """Return the md5 that belongs at the top of an import's metafile, whatever is there.

    Raises:
        MetafileError: it is not valid YAML.
    """
    events = Events(data)
    try:
        stage = {
            key: _value(events, event)
            for key, event in events.root()
            if key not in _NOWHERE and key not in _NOT_AT_ROOT
        }
    except (EntryError, DocumentError) as error:
        raise MetafileError(error.refusal.reason) from error
    if stage.get("wdir") == ".":
        del stage["wdir"]
    return hashlib.md5(json.dumps(stage, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


def _value(events: Events, event: Event) -> Any:
    if isinstance(event, MappingStartEvent):
        return {key: _value(events, inner) for key, inner in events.pairs(event) if key not in _NOWHERE}
    if isinstance(event, SequenceStartEvent):
        return [_value(events, item) for item in events.items(event)]
    assert isinstance(event, ScalarEvent)
    text: str = event.value
    if not event.implicit[0]:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
