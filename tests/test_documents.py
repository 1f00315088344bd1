"""The documents keep their word: promises have tests, links lead somewhere, and commands have the options named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
DOCUMENTS = [TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))]
PROMISED = re.findall(r"`tests/(\S+?\.py)::(test_\w+)`", (TOP / "docs/semantics.md").read_text())


@pytest.mark.parametrize(("file", "test"), sorted(set(PROMISED)))
def test_a_promise_names_a_test_that_exists(file, test):
    assert re.search(rf"^(async )?def {test}\(", (TOP / "tests" / file).read_text(), re.MULTILINE)


def test_every_promise_names_a_test():
    text = (TOP / "docs/semantics.md").read_text()
    promises = [part for part in re.split(r"\n\n+", text) if part.startswith("**")]
    assert len(promises) > 20
    assert [promise for promise in promises if "::test_" not in promise] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_option_in_the_documents_exists(cvfs_cli):
    known = {
        "--sparse",
        "--delete",
        "--checksum",
        "--device",
        "--cap-add",
        "--version-aware",
        "--storage-class",
        "--no-verify",
    }  # of other programs
    commands = [("remote", name) for name in ("add", "modify", "list", "rename", "remove", "default", "check")]
    for command in (
        (),
        ("mount",),
        ("import-url",),
        ("update",),
        ("merge-driver",),
        ("umount",),
        ("mounts",),
        ("ls",),
        ("cat",),
        ("init",),
        ("pull",),
        ("status",),
        ("diff",),
        ("check",),
        ("add",),
        ("remove",),
        *commands,
    ):
        known |= set(re.findall(r"--[a-z][a-z-]+", cvfs_cli(*command, "--help").ok().stdout))
    for document in DOCUMENTS:
        used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", document.read_text()))
        assert used <= known, f"{document.name}: {used - known}"
