"""Which remote an out goes to, and whether what is recorded of it lies on that remote or on another one."""

from __future__ import annotations

from cvfs.comparison import Item
from cvfs.errors import RemoteError
from cvfs.metafiles.config import Config
from cvfs.metafiles.records import Recorded
from cvfs.metafiles.remote_config import RemoteConfig
from cvfs.pushing.moving import Origin
from cvfs.tracking import TrackedOut


class Destinations:
    """The remotes of one DVC root. ``asked`` is the one that the user named, or None."""

    def __init__(self, config: Config, asked: str | None) -> None:
        self._config = config
        self._asked = asked.lower() if asked else None
        self._checked: set[str] = set()
        if self._asked:
            self._check(self._asked)

    def of(self, out: TrackedOut) -> str | None:
        """Return the remote that an out is pushed to; None if it belongs to another than the one asked for, as in DVC.

        Raises:
            RemoteError: there is none, or it keeps no versions. ConfigError: it is configured wrongly.
        """
        own = out.record.remote
        if self._asked and own and own != self._asked:
            return None
        name = self._asked or own or self._config.default_remote
        if name is None:
            raise RemoteError(
                "there is no default remote to push to", hint="cvfs remote add -d NAME URL, or push -r NAME"
            )
        self._check(name)
        return name

    def jobs(self, name: str) -> int | None:
        """Return the remote's option ``jobs``."""
        return self._config.remote(name).integer("jobs")

    def is_elsewhere(self, out: TrackedOut, recorded: str | None, remote: str) -> bool:
        """Tell whether a version recorded for the remote ``recorded`` is on another one than ``remote``.

        Without a name it is that of the out. A name that is not configured is taken for an old one of the same remote,
        as DVC takes every name.
        """
        name = recorded or self._home(out)
        if name is None or name == remote or name not in self._config.remote_names():
            return False
        return _place(self._config.remote(name)) != _place(self._config.remote(remote))

    def is_home(self, out: TrackedOut, remote: str) -> bool:
        """Tell whether DVC would look on ``remote`` for the out, whatever its entries say."""
        home = self._home(out)
        return home is None or home == remote

    def second_remote(self, out: TrackedOut, recorded: Recorded | None, remote: str) -> RemoteError:
        """Return the error for an out that would lie on two remotes."""
        name = (recorded.remote if recorded else None) or self._home(out)
        return RemoteError(
            f"{out.path} has versions on the remote {name!r}, and an entry can name one remote only, so that it is not "
            f"pushed to {remote!r}, too",
            hint=f"push it to {name!r}, or move all of it: cvfs push -r {remote} --migrate {out.path}",
        )

    def origin(self, out: TrackedOut, item: Item) -> Origin:
        """Return where a pushed file is now.

        Raises:
            RemoteError: no configured remote has it.
        """
        recorded = item.recorded
        names = (recorded.remote if recorded else None, self._home(out))
        name = next((name for name in names if name in self._config.remote_names()), None)
        if recorded is None or not recorded.version_id or name is None:
            raise RemoteError(f"{out.path}: the remote that has {out.key(item.relpath)} is not configured any more")
        return Origin(name, out.key(item.relpath), recorded.version_id)

    def _home(self, out: TrackedOut) -> str | None:
        return out.record.remote or self._config.default_remote

    def _check(self, name: str) -> None:
        if name in self._checked:
            return
        if not self._config.remote(name).version_aware:
            raise RemoteError(
                f"remote {name!r} is one of DVC's ordinary kind, whose files have no versions",
                hint=f"if its bucket keeps versions: cvfs remote modify {name} version_aware true",
            )
        self._checked.add(name)


def _place(remote: RemoteConfig) -> tuple[str, str | None]:
    return remote.url.rstrip("/"), remote.text("endpointurl")
