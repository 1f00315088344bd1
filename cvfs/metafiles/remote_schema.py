"""Which options a remote may have, by its URL's scheme, and what their values look like (``dvc/config_schema.py``).

DVC refuses a whole configuration for one option that it does not know, so cvfs writes none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from cvfs.errors import ConfigError, RemoteError

T = TypeVar("T")
#: Says what is wrong with a value, or None.
_Check = Callable[[str], str | None]


def _converts(value: str, kind: Callable[[str], T]) -> T | None:
    try:
        return kind(value)
    except ValueError:
        return None


def _text(value: str) -> str | None:
    return None if value else "expected a value"


def _flag(value: str) -> str | None:
    return None if value.lower() in ("true", "false") else "expected true or false"


def _number(value: str) -> str | None:
    return "expected a whole number" if _converts(value, int) is None else None


def _count(value: str) -> str | None:
    number = _converts(value, int)
    return "expected a whole number, 1 or more" if number is None or number < 1 else None


def _seconds(value: str) -> str | None:
    number = _converts(value, float)
    return "expected a number, 0 or more" if number is None or not 0 <= number < math.inf else None


def _one_of(*words: str) -> _Check:
    return lambda value: None if value.lower() in words else f"expected {' or '.join(words)}"


def _links(value: str) -> str | None:
    unknown = {word.strip() for word in value.split(",")} - {"reflink", "hardlink", "symlink", "copy"}
    return "expected some of reflink, hardlink, symlink, copy, with commas between" if unknown else None


def _all(check: _Check, names: str) -> dict[str, _Check]:
    return dict.fromkeys(names.split(), check)


_COMMON = {
    **_all(_text, "url"),
    **_all(_count, "jobs checksum_jobs"),
    **_all(_flag, "worktree no_traverse version_aware"),
}
_VERIFIED = {**_COMMON, "verify": _flag}
_HTTP = {
    **_VERIFIED,
    **_all(_text, "custom_auth_header user password ssl_verify method"),
    **_all(_flag, "ask_password"),
    **_all(_seconds, "connect_timeout read_timeout"),
    "auth": _one_of("basic", "digest", "custom"),
}
_WEBDAV = {
    **_VERIFIED,
    **_all(_text, "user password token bearer_token_command custom_auth_header cert_path key_path ssl_verify"),
    **_all(_flag, "ask_password"),
    **_all(_number, "timeout"),
}
_SCHEMES: Mapping[str, Mapping[str, _Check]] = {
    "": {
        **_VERIFIED,
        **_all(_flag, "protected slow_link_warning"),
        "type": _links,
        "shared": _one_of("group"),
    },
    # DVC's table has cache_regions, too, but no text of a configuration file passes its check.
    "s3": {
        **_VERIFIED,
        **_all(_text, "region profile credentialpath configpath endpointurl ssl_verify"),
        **_all(_text, "access_key_id secret_access_key session_token"),
        **_all(_text, "sse sse_kms_key_id sse_customer_algorithm sse_customer_key"),
        **_all(_text, "acl grant_read grant_read_acp grant_write_acp grant_full_control"),
        **_all(_flag, "listobjects use_ssl allow_anonymous_login"),
        **_all(_number, "read_timeout connect_timeout"),
    },
    "gs": {
        **_VERIFIED,
        **_all(_text, "projectname credentialpath endpointurl"),
        **_all(_flag, "allow_anonymous_login"),
    },
    "azure": {
        **_VERIFIED,
        **_all(_text, "connection_string sas_token account_name account_key tenant_id client_id client_secret"),
        **_all(_flag, "allow_anonymous_login exclude_environment_credential exclude_visual_studio_code_credential"),
        **_all(_flag, "exclude_shared_token_cache_credential exclude_managed_identity_credential"),
        **_all(_number, "timeout read_timeout connection_timeout"),
    },
    "ssh": {
        **_VERIFIED,
        **_all(_text, "user password passphrase keyfile"),
        **_all(_flag, "ask_password ask_passphrase gss_auth allow_agent"),
        **_all(_number, "port timeout max_sessions"),
        "type": _links,
    },
    # Nor does any text pass for replication.
    "hdfs": {**_COMMON, **_all(_text, "user kerb_ticket")},
    "webhdfs": {
        **_VERIFIED,
        **_all(_text, "kerberos_principal proxy_to ssl_verify token user password data_proxy_target"),
        **_all(_flag, "kerberos use_https"),
    },
    "oss": {**_VERIFIED, **_all(_text, "oss_key_id oss_key_secret oss_endpoint")},
    "gdrive": {
        **_VERIFIED,
        **_all(_text, "profile gdrive_client_id gdrive_client_secret gdrive_user_credentials_file"),
        **_all(_text, "gdrive_service_account_user_email gdrive_service_account_json_file_path"),
        **_all(_flag, "gdrive_use_service_account gdrive_trash_only gdrive_acknowledge_abuse"),
    },
    "http": _HTTP,
    "https": _HTTP,
    "webdav": _WEBDAV,
    "webdavs": _WEBDAV,
}
#: A link to another remote takes the options of every scheme.
_REFERENCE = "remote"

#: What lets whoever knows it in, or is meant to be known by few.
SECRETS = frozenset(
    (
        "access_key_id", "secret_access_key", "session_token", "sse_customer_key",
        "connection_string", "sas_token", "account_key", "client_secret",
        "password", "passphrase", "token", "oss_key_id", "oss_key_secret", "gdrive_client_secret",
    )
)  # fmt: skip
_PASSWORD_IN_URL = re.compile(r"[\w+.-]+://[^/@]*:[^/@]+@")


def scheme_of(url: str) -> str:
    """Return the scheme by which DVC chooses a remote's options: '' for a path.

    Raises:
        RemoteError: DVC knows no such scheme, and would refuse the whole configuration for it.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or not rest.partition("/")[0]:
        return ""
    if scheme.lower() not in (*_SCHEMES, _REFERENCE):
        known = ", ".join(sorted(name for name in (*_SCHEMES, _REFERENCE) if name))
        raise RemoteError(f"the url begins with an unknown scheme: {scheme}", hint=f"known are a path, or {known}")
    return scheme.lower()


def known_options(scheme: str) -> frozenset[str]:
    """Name the options that a remote with this scheme may have."""
    return frozenset(_SCHEMES[scheme]) if scheme != _REFERENCE else frozenset().union(*_SCHEMES.values())


def check_option(scheme: str, option: str, value: str) -> None:
    """Check one option, as DVC would.

    Raises:
        ConfigError: no such option for this scheme, or no such value. Does not show the value: it may be secret.
    """
    if option not in known_options(scheme):
        known = ", ".join(sorted(known_options(scheme)))
        raise ConfigError(f"remotes of this kind have no option {option!r}", hint=f"they have: {known}")
    reasons = list(_reasons(scheme, option, value))
    if None not in reasons:
        raise ConfigError(f"option {option!r}: {reasons[0]}")


def is_secret(option: str, value: str) -> bool:
    """Tell whether this must not come into a file that git tracks, or others can read."""
    return option in SECRETS or (option == "url" and _PASSWORD_IN_URL.match(value) is not None)


def _reasons(scheme: str, option: str, value: str) -> Iterator[str | None]:
    schemes = _SCHEMES.values() if scheme == _REFERENCE else (_SCHEMES[scheme],)
    return (options[option](value) for options in schemes if option in options)
