"""Text as a YAML scalar, byte for byte as DVC writes it, so that DVC's next rewriting of a metafile changes nothing.

DVC uses ruamel.yaml's emitter for YAML 1.2 at a width of 80 columns. Which text may stand plain, which quotes the rest
gets and where long text is folded follow ``ruamel/yaml/emitter.py`` and ``resolver.py``; how quoted text is escaped is
the same in PyYAML, from which ruamel.yaml was forked. Only text in double quotes is never folded here.
"""

from __future__ import annotations

import re

import yaml

_WIDTH = 80
_ENDLESS = 1 << 30
#: What is not text in YAML 1.2, as ruamel.yaml resolves it.
_NOT_TEXT = re.compile(
    r"true|True|TRUE|false|False|FALSE"
    r"|[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
    r"|[-+]?0b[01_]+|[-+]?0o?[0-7_]+|[-+]?[0-9][0-9_]*|[-+]_[0-9_]*|[-+]?0x[0-9a-fA-F_]+"
    r"|~|null|Null|NULL|<<|="
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?"
    r"(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?"
)
#: What would begin something else, or end the text: indicators, comments, keys, markers of documents, outer spaces.
_INDICATOR = re.compile(r"[#,\[\]{}&*!|>'\"%@` ]|[?:-](?=[ \t]|$)|---|\.\.\.|.*(?::(?=[ \t]|$)|[ \t]#| $)")
#: Characters that are escaped wherever they stand.
_ESCAPED = re.compile("[^\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_SUPPLEMENTARY = re.compile("[\U00010000-\U0010ffff]")
_BREAK = re.compile("[\x85\u2028\u2029]")


def dvc_pair(key: str, text: str, column: int) -> list[str]:
    """Write ``key: text`` as the lines of a mapping whose keys stand in ``column``. ``text`` is not empty."""
    indent = " " * column
    if _BREAK.search(text) and not _ESCAPED.search(text):
        # DVC breaks the line at these; escaped, they read back the same, and stay in one.
        escaped = _BREAK.sub(lambda found: _escape(found[0]), text.replace("\\", "\\\\").replace('"', '\\"'))
        return [f'{indent}{key}: "{escaped}"']
    if not _ESCAPED.search(text) and not _INDICATOR.match(text) and not _NOT_TEXT.fullmatch(text):
        return _folded(f"{indent}{key}:", text, column)
    single = "'" not in text and not _ESCAPED.search(text)
    return _quoted(key, text, "'" if single else '"', column)


def _folded(lead: str, text: str, column: int) -> list[str]:
    """Break plain text between words, the space before a break staying where it is, as ruamel.yaml does it."""
    inner = " " * (column + 2)
    lines = [lead + " "]
    for piece in re.findall(r" +|[^ ]+", text):
        line = lines[-1]
        if piece == " " and len(line) >= _WIDTH:
            lines.append(inner)
            continue
        if piece[0] != " " and len(line) + len(piece) > _WIDTH and len(line) > len(inner):
            lines.append(inner)
        lines[-1] += piece
    return lines


def _quoted(key: str, text: str, quote: str, column: int) -> list[str]:
    """Let PyYAML quote, escape and fold it, as deep in a document as it will stand."""
    # PyYAML escapes these, ruamel.yaml does not: meanwhile others stand for them.
    high = sorted(set(_SUPPLEMENTARY.findall(text)))
    spare = (char for char in map(chr, range(0xE000, 0xF900)) if char not in text)
    stand_ins = {ord(char): next(spare) for char in high}
    text = text.translate(stand_ins)
    node: yaml.Node = yaml.MappingNode(
        "tag:yaml.org,2002:map",
        [(yaml.ScalarNode("tag:yaml.org,2002:str", key), yaml.ScalarNode("tag:yaml.org,2002:str", text, style=quote))],
    )
    depth = column // 2
    for _ in range(depth):
        node = yaml.MappingNode("tag:yaml.org,2002:map", [(yaml.ScalarNode("tag:yaml.org,2002:str", "x"), node)])
    width = _WIDTH if quote == "'" else _ENDLESS
    lines: list[str] = yaml.serialize(node, width=width, allow_unicode=True).splitlines()
    originals = {ord(stand_in): chr(code) for code, stand_in in stand_ins.items()}
    return [line.translate(originals) for line in lines[depth:]]


def _escape(char: str) -> str:
    return {"\x85": "\\N", "\u2028": "\\L", "\u2029": "\\P"}[char]
