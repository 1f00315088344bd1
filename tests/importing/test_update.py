"""``cvfs update``: what has changed at the source is recorded and fetched, and nothing of the user's is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from buckets import DS, FILES, Bucket, files_below, run
from command import Shell
from repositories import GitRepository

from cvfs.metafiles.importfile import read_import
from cvfs.metafiles.stage_md5 import stage_md5


@pytest.fixture
def imported(shell: Shell, repository: GitRepository, bucket: Bucket) -> GitRepository:
    run(shell, repository, "import-url", f"s3://{bucket.name}/ds").ok()
    repository.commit("imported")
    return repository


def change(bucket: Bucket) -> dict[str, bytes]:
    bucket.put({"ds/a.txt": b"other contents\n", "ds/new": b"new\n"})
    bucket.delete("ds/sub/ü")
    return {"a.txt": b"other contents\n", "new": b"new\n", "sub/b b.txt": FILES["ds/sub/b b.txt"]}


def check_recorded(repository: GitRepository, bucket: Bucket, files: dict[str, bytes]) -> None:
    text = (repository.path / "ds.dvc").read_bytes()
    recorded = read_import(text)
    current = {version.key: version.version_id for version in bucket.moto.versions(bucket.name) if version.latest}
    assert {path: (file.recorded.version_id, file.recorded.size) for path, file in recorded.files.items()} == {
        path: (current[f"ds/{path}"], len(data)) for path, data in files.items()
    }
    assert text.startswith(f"md5: {stage_md5(text)}\n".encode())


def test_what_changed_is_recorded_and_fetched(shell: Shell, imported: GitRepository, bucket: Bucket) -> None:
    files = change(bucket)
    since = bucket.moto.mark()
    printed = run(shell, imported, "update", "ds.dvc").ok().stdout
    assert printed == "ds: 1 new, 1 changed, 1 removed, 2 fetched\nnext: git add ds.dvc\n"
    assert files_below(imported.path / "ds") == files
    check_recorded(imported, bucket, files)
    fetched = [request for request in bucket.moto.requests(bucket.name, since) if "versionId=" in request]
    assert len(fetched) == 2
    assert run(shell, imported, "update", "ds").ok().stdout == "ds: up to date\n"


def test_text_of_what_did_not_change_stays(shell: Shell, imported: GitRepository, bucket: Bucket) -> None:
    metafile = imported.path / "ds.dvc"
    text = (
        metafile.read_text()
        .replace("deps:", "# from elsewhere\ndeps:")
        .replace("- relpath: a.txt", '- relpath: "a.txt"')
    )
    text = text.replace("  path: ds\n", "  path: ds\n  desc: ours\n") + "meta: {k: v}\n"
    metafile.write_text(text)
    assert run(shell, imported, "update", "ds.dvc").ok().stdout == "ds: up to date\n"
    assert metafile.read_text() == text
    change(bucket)
    run(shell, imported, "update", "ds.dvc").ok()
    kept = metafile.read_text()
    for line in ("# from elsewhere\n", '- relpath: "a.txt"\n', "  desc: ours\n", "meta: {k: v}\n"):
        assert line in kept


def test_versions_alone_forget_what_was_downloaded(shell: Shell, imported: GitRepository, bucket: Bucket) -> None:
    files = change(bucket)
    run(shell, imported, "update", "--no-download", "ds.dvc").ok()
    check_recorded(imported, bucket, files)
    assert read_import((imported.path / "ds.dvc").read_bytes()).out.recorded.md5 is None
    assert files_below(imported.path / "ds") == DS
    # What was imported is in the commit, still: so it can be told that these files are nobody's work.
    run(shell, imported, "update", "ds.dvc").ok()
    assert files_below(imported.path / "ds") == files


def test_same_content_under_a_new_version_is_not_fetched(shell: Shell, imported: GitRepository, bucket: Bucket) -> None:
    bucket.put({"ds/a.txt": FILES["ds/a.txt"]})
    md5 = read_import((imported.path / "ds.dvc").read_bytes()).out.recorded.md5
    assert run(shell, imported, "update", "ds.dvc").ok().stdout.startswith("ds: 1 changed\n")
    check_recorded(imported, bucket, DS)
    assert read_import((imported.path / "ds.dvc").read_bytes()).out.recorded.md5 == md5


def test_what_is_missing_here_is_fetched(shell: Shell, imported: GitRepository, tmp_path: Path) -> None:
    clone = imported.clone(tmp_path / "clone")
    assert run(shell, clone, "update", "ds.dvc").ok().stdout == "ds: 3 fetched\n"
    assert files_below(clone.path / "ds") == DS
    assert clone.git("status", "--porcelain") == ""


def test_file_that_was_changed_here_is_kept(shell: Shell, imported: GitRepository, bucket: Bucket) -> None:
    (imported.path / "ds/a.txt").write_bytes(b"mine\n")
    before = (imported.path / "ds.dvc").read_bytes()
    files = change(bucket)
    outcome = run(shell, imported, "update", "ds.dvc")
    assert outcome.returncode == 1
    assert "ds/a.txt: it was changed here" in outcome.stderr
    assert (imported.path / "ds/a.txt").read_bytes() == b"mine\n"
    assert (imported.path / "ds.dvc").read_bytes() == before
    run(shell, imported, "update", "--force", "ds.dvc").ok()
    assert files_below(imported.path / "ds") == files


def test_single_file(shell: Shell, repository: GitRepository, bucket: Bucket) -> None:
    run(shell, repository, "import-url", "remote://src/one.csv").ok()
    bucket.put({"one.csv": b"new"})
    run(shell, repository, "update", "one.csv").ok()
    assert (repository.path / "one.csv").read_bytes() == b"new"


def test_one_import_that_fails_stops_no_other(shell: Shell, imported: GitRepository, bucket: Bucket) -> None:
    bucket.put({"gone/x": b"x"})
    run(shell, imported, "import-url", f"s3://{bucket.name}/gone").ok()
    bucket.delete("gone/x")
    files = change(bucket)
    outcome = run(shell, imported, "update", "gone.dvc", "ds.dvc")
    assert outcome.returncode == 1
    assert "there is nothing at" in outcome.stderr
    check_recorded(imported, bucket, files)
    assert (imported.path / "gone/x").read_bytes() == b"x"


def test_file_that_became_a_directory_is_refused(shell: Shell, imported: GitRepository, bucket: Bucket) -> None:
    for key in ("a.txt", "sub/b b.txt", "sub/ü"):
        bucket.delete(f"ds/{key}")
    bucket.put({"ds": b"a file"})
    assert "was a directory, and is a file now" in run(shell, imported, "update", "ds.dvc").stderr


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("outs:\n- path: x\n", "is no import"),
        ("deps:\n- path: y\n  repo: {url: z, rev_lock: abc}\nouts:\n- path: x\n", "`dvc import` made it"),
        ("deps:\n- path: s3://b/x\nouts:\n- path: x\n", "an import without versions"),
        ("deps:\n- path: s3://b/x\n- path: y\nouts:\n- path: x\n", "one dependency"),
    ],
)
def test_metafiles_that_are_no_imports_by_version(
    shell: Shell, repository: GitRepository, text: str, reason: str
) -> None:
    (repository.path / "x.dvc").write_text(text)
    outcome = run(shell, repository, "update", "x.dvc")
    assert outcome.returncode == 1
    assert reason in outcome.stderr
    assert (repository.path / "x.dvc").read_text() == text
