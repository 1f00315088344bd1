"""The options of an Azure remote, as values."""

from __future__ import annotations

from dataclasses import dataclass, field

from cvfs.metafiles.config import RemoteConfig

#: DVC's options that take a way out of the default chain of credentials, by what azure-identity calls them.
_EXCLUSIONS = (
    "exclude_environment_credential",
    "exclude_visual_studio_code_credential",
    "exclude_shared_token_cache_credential",
    "exclude_managed_identity_credential",
)


@dataclass(frozen=True, slots=True)
class AzureOptions:
    """All that DVC lets one configure of an Azure remote; None where environment and Azure configuration decide.

    ``label`` names the remote in messages. ``prefix`` is the URL's path, without the slash before it. ``exclusions``
    are names of DVC's options that are true. Timeouts are in seconds; ``timeout`` is the service's own, of one request.
    """

    label: str
    container: str
    prefix: str = ""
    connection_string: str | None = field(default=None, repr=False)
    account_name: str | None = None
    account_key: str | None = field(default=None, repr=False)
    sas_token: str | None = field(default=None, repr=False)
    tenant_id: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    anonymous: bool = False
    exclusions: tuple[str, ...] = ()
    timeout: int | None = None
    read_timeout: float | None = None
    connection_timeout: float | None = None


def options_of(remote: RemoteConfig) -> AzureOptions:
    """Read the options of a remote whose URL is ``azure://CONTAINER[/PREFIX]``.

    Raises:
        ConfigError: a value is not of its option's kind.
    """
    container, _, prefix = remote.url.partition("://")[2].partition("/")
    return AzureOptions(
        label=f"remote {remote.name!r} ({remote.url})",
        container=container,
        prefix=prefix.strip("/"),
        connection_string=remote.text("connection_string"),
        account_name=remote.text("account_name"),
        account_key=remote.text("account_key"),
        sas_token=remote.text("sas_token"),
        tenant_id=remote.text("tenant_id"),
        client_id=remote.text("client_id"),
        client_secret=remote.text("client_secret"),
        anonymous=remote.flag("allow_anonymous_login", default=False),
        exclusions=tuple(option for option in _EXCLUSIONS if remote.flag(option, default=False)),
        timeout=remote.integer("timeout"),
        read_timeout=remote.integer("read_timeout"),
        connection_timeout=remote.integer("connection_timeout"),
    )
