"""Two clones that push to the same keys at the same time, and an outsider who writes there all the while."""

from __future__ import annotations

import threading
from pathlib import Path

from command import Shell
from projects import AzureBucket, Project, S3Bucket

NAMES = [f"data/{number:02}" for number in range(25)]


def test_two_who_push_at_once_both_record_what_they_sent(project: Project, tmp_path: Path, shell: Shell) -> None:
    project.write({name: f"first {name}".encode() for name in NAMES})
    project.add("data")
    project.push()
    project.repository.commit("one")
    other = project.clone(tmp_path / "other")
    for clone, word in ((project, "mine"), (other, "theirs")):
        clone.write({name: f"{word} {name}".encode() for name in NAMES})
    over = threading.Event()
    outsider = threading.Thread(target=disturb, args=(project, over))
    outsider.start()
    try:
        pushes = [
            threading.Thread(target=lambda clone=clone: codes.append(clone.cvfs("push").returncode))
            for clone in (project, other)
        ]
        codes: list[int] = []
        for push in pushes:
            push.start()
        for push in pushes:
            push.join()
    finally:
        over.set()
        outsider.join()
    assert codes == [0, 0]
    for clone, word in ((project, "mine"), (other, "theirs")):
        clone.check_recorded("data.dvc")
        for name, version in clone.versions("data.dvc").items():
            assert clone.bucket.read(f"data/{name}", version) == f"{word} data/{name}".encode()


def disturb(project: Project, over: threading.Event) -> None:
    """Overwrite objects with something else, as another tool would."""
    while not over.is_set():
        for name in NAMES[:5]:
            if isinstance(project.bucket, S3Bucket):
                project.bucket.moto.s3.put_object(Bucket=project.bucket.name, Key=f"base/{name}", Body=b"outsider")
            elif isinstance(project.bucket, AzureBucket):
                project.bucket.overwrite(name, b"outsider")
            else:
                Path(project.bucket.url, name).write_bytes(b"outsider")
