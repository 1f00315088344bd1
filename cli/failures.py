"""What could not be done for single files while the others went on."""

from __future__ import annotations

from collections.abc import Sequence

from cvfs.errors import CvfsError

from .messages import complain

#: So many are told one by one; the rest are counted.
_TOLD = 20


def tell_failures(failures: Sequence[tuple[str, CvfsError]]) -> None:
    """Print each failure, with the path that it is about; those with the same cause once."""
    causes: dict[tuple[str, str | None], list[str]] = {}
    for path, error in failures:
        causes.setdefault((error.message, error.hint), []).append(path)
    for (message, hint), paths in list(causes.items())[:_TOLD]:
        first = paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
        # Most messages name their file already.
        complain(message if len(paths) == 1 and paths[0] in message else f"{first}: {message}", hint)
    if len(causes) > _TOLD:
        complain(f"{len(causes) - _TOLD} more failures like these")
