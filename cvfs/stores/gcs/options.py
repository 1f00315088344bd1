"""The options of a Google Cloud Storage remote, as values."""

from __future__ import annotations

from dataclasses import dataclass

from cvfs.metafiles.config import Level, RemoteConfig


@dataclass(frozen=True, slots=True)
class GcsOptions:
    """All that DVC lets one configure of such a remote; None where environment and gcloud decide.

    ``label`` names the remote in messages. ``prefix`` is the URL's path, without the slash before it.
    ``project_may_pay`` says that the user, and not just a repository, named ``project``.
    """

    label: str
    bucket: str
    prefix: str = ""
    project: str | None = None
    project_may_pay: bool = False
    credentialpath: str | None = None
    endpointurl: str | None = None
    anonymous: bool = False


def options_of(remote: RemoteConfig) -> GcsOptions:
    """Read the options of a remote whose URL is ``gs://BUCKET[/PREFIX]``.

    Raises:
        ConfigError: a value is not of its option's kind.
    """
    bucket, _, prefix = remote.url.partition("://")[2].partition("/")
    return GcsOptions(
        label=f"remote {remote.name!r} ({remote.url})",
        bucket=bucket,
        prefix=prefix,
        project=remote.text("projectname"),
        project_may_pay=_is_users_word(remote, "projectname"),
        credentialpath=remote.text("credentialpath"),
        endpointurl=remote.text("endpointurl"),
        anonymous=remote.flag("allow_anonymous_login", default=False),
    )


def _is_users_word(remote: RemoteConfig, option: str) -> bool:
    value = remote.options.get(option)
    if value is None:
        return False
    return value.level is not Level.COMMIT or remote.confirmed.get(option) == value.text
