"""Which names from a metafile may become names in a mount."""

from __future__ import annotations

#: What Linux allows in one component of a path, in bytes.
NAME_MAX = 255


def check_relpath(relpath: str) -> list[str]:
    """Split a path into its components, every one of them safe to show below the directory it belongs to.

    Nothing is normalised: what DVC would never write is refused. Bytes that are not UTF-8 may stand in it as
    surrogateescape, and count as bytes.

    Raises:
        ValueError: with the reason: absolute, an empty component, ``.`` or ``..``, NUL, too long, or not encodable.
    """
    if not relpath:
        raise ValueError("the path is empty")
    if relpath.startswith("/"):
        raise ValueError("the path is absolute")
    if "\0" in relpath:
        raise ValueError("the path holds a NUL character")
    components = relpath.split("/")
    for component in components:
        _check_component(component)
    return components


def _check_component(component: str) -> None:
    if not component:
        raise ValueError("a component of the path is empty")
    if component in (".", ".."):
        raise ValueError(f"the path holds {component!r}")
    try:
        length = len(component.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError as error:
        raise ValueError("the path holds a lone surrogate, which no file name can") from error
    if length > NAME_MAX:
        raise ValueError(f"a component of the path is longer than {NAME_MAX} bytes")
