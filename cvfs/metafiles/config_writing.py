"""Change one of DVC's configuration files: text in, text out, with comments, blank lines and order kept.

New lines look as DVC writes them: four blanks before an option, ``['remote "name"']`` around a remote, plain sections
before all remotes. ConfigObj, which DVC writes with, too, chooses quotes and the blanks around values, also of lines
that did not change. Whatever is written was read back and found to say what was meant.
"""

from __future__ import annotations

import io

from configobj import ConfigObj, ConfigObjError

from cvfs.errors import ConfigError
from cvfs.metafiles.config_file import NAMED_SECTION, Setting, syntax_error

_INDENT = "    "
#: Where DVC, which reads with ConfigObj's interpolation, would look for another option's value.
_REFERENCE = "%("


class ConfigEditor:
    """The text of one file, and changes to it. ``source`` is its name for messages.

    A section is named by its kind and, for a remote, its name: ``("core", "")``, ``("remote", "storage")``. Names and
    options are lower case, and found whatever their case in the file.

    Raises:
        ConfigError: not UTF-8 or not ConfigObj's syntax; never shows text, which may be secret.
    """

    def __init__(self, text: bytes, source: str) -> None:
        self._source = source
        try:
            decoded = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ConfigError(f"{source}: not UTF-8 text") from error
        self._parsed = self._parse(decoded)
        self._newline = "\r\n" if "\r\n" in decoded.partition("\n")[0] + "\n" else "\n"
        if not self._parsed.indent_type and not self._parsed.sections:
            self._parsed.indent_type = _INDENT

    def sections(self, kind: str) -> list[str]:
        """Return the names of all sections of a kind, in the order of the file."""
        return list(dict.fromkeys(name for of, name in map(_key, self._parsed.sections) if of == kind))

    def options(self, kind: str, name: str = "") -> dict[str, Setting] | None:
        """Return a section's options, None if there is no such section. Of several that DVC takes for one: the last."""
        titles = self._titles(kind, name)
        return _settings(self._parsed[titles[-1]]) if titles else None

    def set(self, kind: str, name: str, option: str, value: str) -> bool:
        """Set an option, where it stands already or at the end of its section, which is made if need be; say True.

        Raises:
            ConfigError: a name or value that DVC could not read back.
        """
        if _REFERENCE in value:
            raise ConfigError(f"{self._source}: option {option!r}: DVC takes {_REFERENCE!r} for a reference")
        titles = self._titles(kind, name)
        title = titles[-1] if titles else self._add(kind, name)
        section = self._parsed[title]
        spelled = [key for key in section.scalars if key.lower() == option]
        section[spelled[-1] if spelled else option] = value
        return True

    def unset(self, kind: str, name: str, option: str) -> bool:
        """Remove an option, and its section if nothing is left in it. Returns whether it was set."""
        found = False
        for title in self._titles(kind, name):
            section = self._parsed[title]
            for key in [key for key in section.scalars if key.lower() == option]:
                del section[key]
                found = True
            if found and not section:
                del self._parsed[title]
        return found

    def remove(self, kind: str, name: str = "") -> bool:
        """Remove a section. Returns whether there was one."""
        titles = self._titles(kind, name)
        for title in titles:
            del self._parsed[title]
        return bool(titles)

    def rename(self, kind: str, name: str, new: str) -> bool:
        """Give a section another name, in the same place. Returns whether there was one."""
        titles = self._titles(kind, name)
        for title in titles:
            self._parsed.rename(title, _title(kind, new))
        return bool(titles)

    def text(self) -> bytes:
        """Return the file's new text.

        Raises:
            ConfigError: a name or value cannot be written so that DVC would read it back.
        """
        try:
            lines: list[str] = self._parsed.write()
        except ConfigObjError as error:
            raise self._unwritable() from error
        text = "".join(f"{line}\n" for line in lines)
        try:
            again = self._parse(text)
        except ConfigError as error:
            raise self._unwritable() from error
        if _meaning(again) != _meaning(self._parsed):
            raise self._unwritable()
        return text.replace("\n", self._newline).encode()

    def _add(self, kind: str, name: str) -> str:
        title = _title(kind, name)
        self._parsed[title] = {}
        if not name:
            # The plain sections come first: behind the last one that is there.
            sections = self._parsed.sections
            sections.remove(title)
            named = [number for number, other in enumerate(sections) if _key(other)[1]]
            sections.insert(named[0] if named else len(sections), title)
        return title

    def _titles(self, kind: str, name: str) -> list[str]:
        return [title for title in self._parsed.sections if _key(title) == (kind, name)]

    def _parse(self, text: str) -> ConfigObj:
        try:
            return ConfigObj(io.StringIO(text, newline=None), list_values=True, interpolation=False)
        except SyntaxError as error:
            raise syntax_error(error, self._source) from error

    def _unwritable(self) -> ConfigError:
        return ConfigError(
            f"{self._source}: a name or value cannot be written so that DVC would read the same again",
            hint="leave out line breaks, and either kind of quotes",
        )


def _key(title: str) -> tuple[str, str]:
    named = NAMED_SECTION.fullmatch(title.lower())
    return (named[1], named[2]) if named else (title.lower(), "")


def _title(kind: str, name: str) -> str:
    return f'{kind} "{name}"' if name else kind


def _settings(section: dict[str, object]) -> dict[str, Setting]:
    return {
        option.lower(): tuple(value) if isinstance(value, list) else str(value)
        for option, value in section.items()
        if not isinstance(value, dict)
    }


def _meaning(parsed: ConfigObj) -> dict[str, object]:
    found: dict[str, object] = parsed.dict()
    return found
