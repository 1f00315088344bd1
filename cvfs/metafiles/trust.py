"""What a repository may say about a remote before somebody vouches for it.

The user's own word is what Git does not track: system, global and local configuration and the command line. A commit's
``.dvc/config`` is the word of whoever wrote it. Three rules (the first has no exception but ``trusted``):

1. Options that name a file to read credentials from, or a program, and those that turn certificate checks off.
2. What decides where requests with the user's credentials go, and how they are protected on the way (``endpointurl``,
   CA paths, ``use_ssl``), also counts if the work tree's ``.dvc/config`` says the same of the same remote.
   So does the URL of a web or SSH server that the user's own password would be sent to.
3. Names that become a part of a host name have to be such names.

Credentials that the same commit brings, and anonymous access, have nothing to lose, and need only rules 1 and 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cvfs.errors import RemoteError, TrustError
from cvfs.metafiles.remote_config import Level, RemoteConfig, Value

_UNTRUSTED = frozenset((Level.COMMIT, Level.WORKTREE))

_PROGRAMS_AND_FILES = {
    "configpath": "names a file that can name programs to run",
    "credentialpath": "names a file of credentials, which can name programs to run",
    "keyfile": "names a private key",
    "cert_path": "names a client certificate",
    "key_path": "names a private key",
    "bearer_token_command": "names a program to run",
    "gdrive_user_credentials_file": "names a file of credentials",
    "gdrive_service_account_json_file_path": "names a file of credentials",
}
_OFF = frozenset(("false", "no", "off", "0", ""))

#: Options that are secrets or prove who the user is, and are sent or signed with.
_SECRETS = {
    "s3": frozenset(("access_key_id", "secret_access_key", "session_token", "sse_customer_key")),
    "gs": frozenset(("credentialpath",)),
    "azure": frozenset(("connection_string", "sas_token", "account_key", "client_secret")),
}
#: Sets of options that leave no room for ambient credentials.
_COMPLETE = {
    "s3": (frozenset(("access_key_id", "secret_access_key")),),
    "azure": (frozenset(("sas_token",)), frozenset(("account_key",))),
}

# Exact hosts: below amazonaws.com lie machines that anybody can rent.
_REGION = r"[a-z]{2}(?:-[a-z]+)+-\d{1,2}"
_PROVIDERS = {
    "s3": rf"https://s3(?:-fips|-accelerate|-external-1|-{_REGION})?(?:\.dualstack)?(?:\.{_REGION})?\.amazonaws\.com(?:\.cn)?",
    "gs": r"https://(?:storage|www|storage\.mtls|storage\.[a-z]+-[a-z]+\d{1,2}\.rep)\.googleapis\.com",
}
_HOST_PARTS = {
    "region": re.compile(r"[A-Za-z0-9_-]{0,63}"),
    "account_name": re.compile(r"[A-Za-z0-9-]{0,63}"),
}
_NEVER_SHOWN = frozenset(("connection_string", "bearer_token_command"))
_USERINFO = re.compile(r"//[^/]*@")
_BUCKET = re.compile(r"[A-Za-z0-9_$][A-Za-z0-9._:$-]*")
_SERVER_SCHEMES = frozenset(("http", "https", "ssh", "webdav", "webdavs"))
_PASSWORDS = ("password", "passphrase", "token")
_BUCKET_SCHEMES = frozenset(("s3", "gs", "azure"))


def check_trust(remote: RemoteConfig, trusted: bool) -> None:
    """Refuse a remote whose configuration could harm the user unless it is trusted.

    Never looks at the network or at credentials: "ambient" means that the remote's own options leave room for them.

    Raises:
        TrustError: naming every value at fault, its file, and the ways out.
        RemoteError: the bucket or container has an impossible name, whoever says so.
    """
    _check_bucket(remote)
    if trusted:
        return
    refused = dict(_refused(remote))
    if not refused:
        return
    values = remote.options if remote.address is None else {**remote.options, "url": remote.address}
    reasons = "; ".join(
        f"{values[option].source} sets {option}{_shown(option, values[option])}, which {reason}"
        for option, reason in refused.items()
    )
    option = next(iter(refused))
    raise TrustError(
        f"remote {remote.name!r} is not used: {reasons}",
        hint="if this is right, set it yourself in .dvc/config.local or with "
        f"--remote-config {remote.name}.{option}=VALUE, or accept all that the repository sets with --trust-config",
    )


def _refused(remote: RemoteConfig) -> Iterator[tuple[str, str]]:
    ambient = _sends_ambient_credentials(remote)
    for option, value in remote.options.items():
        if value.level not in _UNTRUSTED:
            continue
        reason = _always(option, value)
        if reason is None and ambient and remote.confirmed.get(option) != value.text:
            reason = _with_credentials(remote, option, value)
        if reason is not None:
            yield option, reason
    if _sends_password(remote):
        yield "url", "would be sent your password"


def _sends_password(remote: RemoteConfig) -> bool:
    """Tell whether the user's own password would go to a server that only the repository names."""
    address = remote.address
    if remote.scheme not in _SERVER_SCHEMES or address is None or address.level not in _UNTRUSTED:
        return False
    given = (remote.options[option] for option in _PASSWORDS if remote.text(option))
    return remote.confirmed.get("url") != address.text and any(value.level not in _UNTRUSTED for value in given)


def _always(option: str, value: Value) -> str | None:
    """Rules 1 and 3."""
    if option in _PROGRAMS_AND_FILES:
        return _PROGRAMS_AND_FILES[option]
    if option == "ssl_verify" and value.text.strip().lower() in _OFF:
        return "turns the check of the server's certificate off"
    if option in _HOST_PARTS and _HOST_PARTS[option].fullmatch(value.text) is None:
        return "is no such name and could lead to another host"
    return None


def _with_credentials(remote: RemoteConfig, option: str, value: Value) -> str | None:
    """Rule 2."""
    text = value.text.strip()
    if option == "endpointurl" and text and not _is_providers(remote.scheme, value.text):
        return "would be sent requests with your credentials"
    if option == "ssl_verify" and text.lower() != "true":
        return "would decide which servers are sent your credentials"
    if option == "use_ssl" and text.lower() in _OFF and not remote.text("endpointurl"):
        return "would send your credentials over an open line"
    if option == "connection_string" and text:
        return "would be sent requests with your credentials"
    return None


def _sends_ambient_credentials(remote: RemoteConfig) -> bool:
    given = {option: value.level for option, value in remote.options.items() if value.text.strip()}
    secrets = _SECRETS.get(remote.scheme, frozenset()) & given.keys()
    if any(given[option] not in _UNTRUSTED for option in secrets):
        return True
    if "allow_anonymous_login" in given and remote.options["allow_anonymous_login"].text.strip().lower() == "true":
        return False
    if "connection_string" in secrets and _brings_key(remote.options["connection_string"].text):
        return False
    return not any(complete <= secrets for complete in _COMPLETE.get(remote.scheme, ()))


def _is_providers(scheme: str, endpoint: str) -> bool:
    pattern = _PROVIDERS.get(scheme)
    if pattern is None:
        return False
    # ASCII, because Unicode has other letters that equal "s" and "k" when case is ignored.
    return re.fullmatch(rf"{pattern}(?::443)?/?", endpoint, re.ASCII | re.IGNORECASE) is not None


def _brings_key(connection_string: str) -> bool:
    pairs = (part.partition("=") for part in connection_string.split(";"))
    given = {key.strip().lower() for key, _, text in pairs if text.strip()}
    return not given.isdisjoint(("accountkey", "sharedaccesssignature", "usedevelopmentstorage"))


def _check_bucket(remote: RemoteConfig) -> None:
    if remote.scheme not in _BUCKET_SCHEMES:
        return
    bucket = remote.url.partition("://")[2].partition("/")[0]
    if _BUCKET.fullmatch(bucket) is None:
        raise RemoteError(f"remote {remote.name!r}: {bucket!r} in its url is not the name of a bucket or container")


def _shown(option: str, value: Value) -> str:
    """Show what is no secret; repr, because the text may hold escape sequences for the terminal."""
    if option in _NEVER_SHOWN:
        return ""
    return f" to {_USERINFO.sub('//...@', value.text).partition('?')[0]!r}"
