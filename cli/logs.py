"""Where the log goes and what its lines look like."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json")


#: Beyond this many bytes the log of earlier mounts is put aside, and the one put aside before it is lost.
_LOG_BOUND = 10 << 20


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def default_log(env: Mapping[str, str]) -> str | None:
    """Return the file to which all of a user's background mounts log; None where it cannot be had."""
    home = env.get("XDG_STATE_HOME", "")
    if not os.path.isabs(home):
        home = os.path.join(env.get("HOME") or "/", ".local", "state")
    path = os.path.join(home, "cvfs", "mount.log")
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with suppress(FileNotFoundError):
            if os.stat(path).st_size > _LOG_BOUND:
                os.replace(path, f"{path}.1")
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
    except OSError:
        return None
    return path


def log_to_stderr(level: str, style: str) -> None:
    """Log to standard error, which a background mount has turned into its log file."""
    _log_to(logging.StreamHandler(), level, style)


def log_to_file(path: str, level: str, style: str) -> None:
    """Log to the end of a file. Raises OSError."""
    _log_to(logging.FileHandler(path, encoding="utf-8", errors="backslashreplace"), level, style)


def _log_to(handler: logging.Handler, level: str, style: str) -> None:
    text = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if style == "json" else text)
    # Only our own loggers: the SDKs' debug lines hold signatures and tokens.
    log = logging.getLogger("cvfs")
    log.handlers = [handler]
    log.setLevel(level.upper())
    log.propagate = False
    logging.raiseExceptions = False
