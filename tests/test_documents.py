"""The documents keep their word: promises have tests, links lead somewhere, and commands have the options named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from cvfs_cli.main import cvfs

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


def options_of(command: click.Command) -> Iterator[str]:
    """Yield every long option of a command and of those below it."""
    with click.Context(command) as context:
        yield from (
            name for parameter in command.get_params(context) for name in parameter.opts + parameter.secondary_opts
        )
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                yield from options_of(command.get_command(context, name))


def test_every_option_in_the_documents_exists():
    known = {
        "--sparse",
        "--delete",
        "--checksum",
        "--device",
        "--cap-add",
        "--version-aware",
        "--storage-class",
        "--no-verify",
        "--account-name",
        "--resource-group",
        "--enable-versioning",
        "--versioning",
    }  # of other programs
    known |= set(options_of(cvfs))
    for document in DOCUMENTS:
        used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", document.read_text()))
        assert used <= known, f"{document.name}: {used - known}"
