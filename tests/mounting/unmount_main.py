"""A program: unmount as ``cvfs.unmount`` does, and print what came of it. Usage: ``unmount_main.py DIRECTORY [-z]``."""

from __future__ import annotations

import json
import os
import sys

from cvfs.errors import CvfsError
from cvfs.unmount import unmount

if __name__ == "__main__":
    try:
        unmount(sys.argv[1], os.environ, lazy="-z" in sys.argv)
    except CvfsError as error:
        print(json.dumps({"error": type(error).__name__, "message": error.message, "hint": error.hint}))
    else:
        print("{}")
