"""A program: print what ``cvfs.mounts`` lists, a JSON object for each mount."""

from __future__ import annotations

import json
import os
from dataclasses import asdict

from cvfs.mounts import list_mounts

if __name__ == "__main__":
    for status in list_mounts(os.environ):
        print(json.dumps({**asdict(status), "state": status.state.value}))
