"""The demo, as ``make demo`` runs it, by each kind of user."""

from __future__ import annotations

import tempfile
from pathlib import Path

from accounts import Account
from command import Shell

DEMO = Path(__file__).parent.parent.parent / ".ci" / "demo"


def test_demo_shows_the_old_version_and_leaves_nothing(account: Account) -> None:
    scratch = Path(tempfile.mkdtemp(dir=account.directory))
    account.own(scratch)
    shown = Shell(account, {"TMPDIR": str(scratch)}).run(DEMO).ok()
    after_mount = shown.stdout.partition("$ cvfs mount HEAD~1 ../old\n")[2]
    assert "2,14\n" in after_mount.partition("$ cat ../old/weather/2023/january.csv\n")[2]
    assert "../old/weather/README.txt:Degrees are Celsius.\n" in after_mount
    assert "< 2,14\n---\n> 2,41\n" in after_mount
    assert after_mount.rstrip().endswith("$ cvfs umount ../old")
    assert list(scratch.iterdir()) == []
