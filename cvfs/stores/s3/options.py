"""The options of an S3 remote, as values."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from cvfs.errors import RemoteError
from cvfs.metafiles.config import RemoteConfig

#: Of AES-256, the only algorithm that S3 has for keys of the customer's own.
CUSTOMER_KEY_BYTES = 32

_GRANTS = {
    "grant_full_control": "GrantFullControl",
    "grant_read": "GrantRead",
    "grant_read_acp": "GrantReadACP",
    "grant_write_acp": "GrantWriteACP",
}


@dataclass(frozen=True, slots=True)
class S3Options:
    """All that DVC lets one configure of an S3 remote; None where the AWS configuration decides.

    ``label`` names the remote in messages. ``prefix`` is the URL's path, without the slash before it. ``verify`` is
    False, a CA bundle's path, or None for the usual authorities. ``grants`` and ``acl`` apply to uploads. Timeouts are
    in seconds.
    """

    label: str
    bucket: str
    prefix: str = ""
    region: str | None = None
    profile: str | None = None
    credentialpath: str | None = None
    configpath: str | None = None
    endpointurl: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    anonymous: bool = False
    use_ssl: bool = True
    verify: bool | str | None = None
    sse: str | None = None
    sse_kms_key_id: str | None = None
    sse_customer_algorithm: str = "AES256"
    sse_customer_key: bytes | None = field(default=None, repr=False)
    acl: str | None = None
    grants: tuple[tuple[str, str], ...] = ()
    read_timeout: float | None = None
    connect_timeout: float | None = None


def options_of(remote: RemoteConfig) -> S3Options:
    """Read the options of a remote whose URL is ``s3://BUCKET[/PREFIX]``.

    Raises:
        ConfigError: a value is not of its option's kind.
        RemoteError: two options exclude each other.
    """
    label = f"remote {remote.name!r} ({remote.url})"
    _refuse_pairs(remote, label)
    bucket, _, prefix = remote.url.partition("://")[2].partition("/")
    verify = remote.flag_or_text("ssl_verify")
    return S3Options(
        label=label,
        bucket=bucket,
        prefix=prefix,
        region=remote.text("region"),
        profile=remote.text("profile"),
        credentialpath=remote.text("credentialpath"),
        configpath=remote.text("configpath"),
        endpointurl=remote.text("endpointurl"),
        access_key_id=remote.text("access_key_id"),
        secret_access_key=remote.text("secret_access_key"),
        session_token=remote.text("session_token"),
        anonymous=remote.flag("allow_anonymous_login", default=False),
        use_ssl=remote.flag("use_ssl", default=True),
        # "true" leaves the choice of a CA bundle to AWS_CA_BUNDLE and the AWS configuration.
        verify=None if verify is True else verify,
        sse=remote.text("sse"),
        sse_kms_key_id=remote.text("sse_kms_key_id"),
        sse_customer_algorithm=remote.text("sse_customer_algorithm") or "AES256",
        sse_customer_key=_customer_key(remote, label),
        acl=remote.text("acl"),
        grants=tuple((name, text) for option, name in _GRANTS.items() if (text := remote.text(option)) is not None),
        read_timeout=remote.integer("read_timeout"),
        connect_timeout=remote.integer("connect_timeout"),
    )


def _refuse_pairs(remote: RemoteConfig, label: str) -> None:
    pairs = [("acl", grant) for grant in _GRANTS] + [("sse_kms_key_id", "sse_customer_key")]
    for one, other in pairs:
        if remote.text(one) is not None and remote.text(other) is not None:
            raise RemoteError(f"{label}: the options {one} and {other} exclude each other")


def _customer_key(remote: RemoteConfig, label: str) -> bytes | None:
    text = remote.text("sse_customer_key")
    if text is None:
        return None
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != CUSTOMER_KEY_BYTES:
        raise RemoteError(f"{label}: sse_customer_key has to be {CUSTOMER_KEY_BYTES} bytes in base64")
    return key
