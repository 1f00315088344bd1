"""A program: mount a fake commit and serve it. Usage: ``fake_server_main.py MOUNTPOINT``, with settings on its input.

The settings are one line of JSON. It prints ``ready``, and in the end how the session ended; each further line of its
input is a command that it answers in a line.
"""

from __future__ import annotations

import collections
import json
import logging
import os
import sys
from contextlib import asynccontextmanager

import trio
from fakes.snapshots import FakeBlobs, FakeFetcher, FakeFile, FakeSnapshot

from cvfs import errors
from cvfs.filesystem import FileSystem, Presentation
from cvfs.fuse.operations import Operations
from cvfs.fuse.options import parse_options
from cvfs.fuse.session import serve


class CountingOperations(Operations):
    """Operations that count the kernel's requests."""

    counts: collections.Counter[str]


def counted(name: str):
    handler = getattr(Operations, name)

    async def count(self, *arguments):
        self.counts[name] += 1
        return await handler(self, *arguments)

    return count


for name in ("lookup", "getattr", "open", "read", "opendir", "readdir"):
    setattr(CountingOperations, name, counted(name))


def main(mountpoint: str, settings: dict) -> None:
    files: dict[str, bytes | FakeFile] = {path: text.encode() for path, text in settings["files"].items()}
    files |= {path: FakeFile(b"size unknown\n", sized=False) for path in settings.get("unsized", ())}
    snapshot = FakeSnapshot(files)
    fetcher = FakeFetcher(snapshot)
    fetcher.cached = set(files) - set(settings.get("cold", ()))
    fetcher.held = set(settings.get("held", ()))
    fetcher.failures = {path: getattr(errors, name)("on purpose") for path, name in settings.get("failing", {}).items()}
    filesystem = FileSystem(snapshot, fetcher, FakeBlobs(snapshot), Presentation(os.getuid(), os.getgid()))
    operations = CountingOperations(filesystem)
    operations.counts = collections.Counter()

    def obey() -> None:
        for line in sys.stdin:
            if line.strip() == "release":
                trio.from_thread.run_sync(fetcher.release)
            answers = {"waiting": lambda: fetcher.waiting, "counts": lambda: operations.counts, "release": lambda: "ok"}
            print(json.dumps(answers[line.strip()]()), flush=True)

    @asynccontextmanager
    async def background():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: trio.to_thread.run_sync(obey, abandon_on_cancel=True))
            yield
            nursery.cancel_scope.cancel()

    def ready() -> None:
        if settings.get("unwanted"):
            raise errors.MountError("nobody wants it")
        print("ready", flush=True)

    ending = serve(
        operations,
        mountpoint,
        parse_options(f"cvfs@{snapshot.commit}", settings.get("options", ())),
        environment=os.environ,
        background=background,
        ready=ready,
        ignore_hangup=settings.get("ignore_hangup", False),
    )
    print(ending.name, flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    main(sys.argv[1], json.loads(sys.stdin.readline()))
    # The thread that reads commands waits for a line that may never come.
    os._exit(0)
