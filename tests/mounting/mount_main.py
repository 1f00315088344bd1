"""A program: mount as ``cvfs.mount`` does, and print what its caller gets. Usage: ``mount_main.py JSON``.

The JSON object has the fields of ``CommitRequest`` and ``MountRequest``, and ``foreground``.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from dataclasses import asdict

from cvfs.errors import CvfsError
from cvfs.filesystem import Presentation
from cvfs.mount import MountRequest, mount, mount_in_foreground
from cvfs.opening import CommitRequest

COMMIT = ("revision", "repository", "overrides", "trust_config", "cache_dir", "max_cache_size", "min_free_space")
MOUNT = ("mountpoint", "options", "allow_other", "strict", "log_file")


def main(given: dict) -> int:
    commit = CommitRequest(env=dict(os.environ), **{name: given[name] for name in COMMIT if name in given})
    presentation = Presentation(**{"uid": os.getuid(), "gid": os.getgid(), **given.get("presentation", {})})
    request = MountRequest(
        commit=commit, presentation=presentation, **{name: given[name] for name in MOUNT if name in given}
    )
    logging.basicConfig(filename=request.log_file, level=logging.INFO, format="%(levelname)s %(message)s")
    warnings: list[str] = []
    try:
        if given.get("foreground"):
            ending = mount_in_foreground(request, warnings.append, lambda record: tell(asdict(record), warnings))
            print(ending.name, flush=True)
        else:
            tell(asdict(mount(request, warnings.append)), warnings)
    except CvfsError as error:
        print(json.dumps({"error": type(error).__name__, "message": error.message, "hint": error.hint}), flush=True)
        return 1
    return 0


def tell(record: dict, warnings: list[str]) -> None:
    print(json.dumps({"record": record, "warnings": warnings}), flush=True)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
