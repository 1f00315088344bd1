"""Which names of a repository are URLs, and the secrets in them, which are kept apart from the rest at once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from cvfs.errors import RepositoryError

#: Transports of git's own. ``ext::`` and remote helpers run what a URL says.
SCHEMES = ("file", "git", "http", "https", "ssh")

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(?:([^/@]*)@)?(.*)", re.DOTALL)
_HELPER = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*::")
_SCP = re.compile(r"[\w.-]+@[\w.-]+:(?!//)")


@dataclass(frozen=True, slots=True)
class RepositoryUrl:
    """A URL that git can fetch from. ``text`` has no password; ``user`` and ``password`` are those of HTTP.

    ``origin`` is what credentials are good for: scheme, host and port.
    """

    text: str
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """Return it for people: a query may hold a token."""
        return self.text.partition("?")[0]

    @property
    def origin(self) -> str:
        """Return scheme, host and port."""
        return "/".join(self.text.split("/")[:3])

    @property
    def is_http(self) -> bool:
        """Tell whether it is one of HTTP's."""
        return self.text.startswith(("http://", "https://"))


def parse_url(text: str) -> RepositoryUrl | None:
    """Take a URL apart; None if ``text`` is a path.

    Raises:
        RepositoryError: a transport that cannot be used, or something that no URL has.
    """
    found = _URL.fullmatch(text)
    if found is None:
        if _HELPER.match(text):
            raise RepositoryError(f"transport {text.partition(':')[0]!r} is not supported", hint=_supported())
        return RepositoryUrl(text) if _SCP.match(text) and text.isprintable() else None
    scheme, userinfo, rest = found[1].lower(), found[2], found[3]
    if scheme not in SCHEMES:
        raise RepositoryError(f"URLs of {scheme}:// are not supported", hint=_supported())
    if not (rest.isprintable() and (userinfo or "").isprintable()) or " " in rest:
        raise RepositoryError(f"the {scheme}:// URL has characters that no URL has", hint="percent-encode them")
    if not rest.strip("/"):
        raise RepositoryError(f"the {scheme}:// URL names no repository")
    rest = rest.rstrip("/")
    if userinfo is None:
        return RepositoryUrl(f"{scheme}://{rest}")
    user, _, password = userinfo.partition(":")
    if scheme not in ("http", "https"):
        # The name decides what ssh shows us; a password it never takes.
        return RepositoryUrl(f"{scheme}://{user}@{rest}")
    secrets = [unquote(part) for part in (user, password)]
    if not all(part.isprintable() for part in secrets):
        raise RepositoryError(f"the credentials in the {scheme}:// URL have characters that cannot be sent")
    return RepositoryUrl(f"{scheme}://{rest}", secrets[0] or None, secrets[1] or None)


def _supported() -> str:
    return f"a path, or a URL of {', '.join(SCHEMES)}"
