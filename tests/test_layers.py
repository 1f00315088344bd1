"""The layers of docs/design.md, held by walking the imports of every module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

import pytest

TOP = Path(__file__).parent.parent
SOURCES = sorted(path.relative_to(TOP) for folder in ("cvfs", "cli") for path in (TOP / folder).rglob("*.py"))

#: What each layer may import of cvfs. Errors and the model's values are everyone's; a module may use its own layer.
LAYERS = MappingProxyType(
    {
        "cvfs.errors": (),
        "cvfs.model": (),
        "cvfs.metafiles": (),
        "cvfs.git": (),
        "cvfs.snapshot": ("cvfs.metafiles", "cvfs.git"),
        "cvfs.stores": ("cvfs.git", "cvfs.metafiles.config", "cvfs.metafiles.trust"),
        "cvfs.cache": (),
        "cvfs.fetch": ("cvfs.stores", "cvfs.cache"),
        "cvfs.filesystem": ("cvfs.snapshot", "cvfs.fetch"),
        "cvfs.fuse": ("cvfs.filesystem",),
        "cvfs.workspace": ("cvfs.metafiles", "cvfs.cache"),
    }
)
#: Packages above all layers: use cases that take more than one module.
USE_CASES = (
    "cvfs.adding",
    "cvfs.checking",
    "cvfs.diffing",
    "cvfs.importing",
    "cvfs.merging",
    "cvfs.pulling",
    "cvfs.pushing",
)
EVERYONES = ("cvfs.errors", "cvfs.model")

#: Packages that only some modules may import: what one package does is then in one place.
RESERVED = MappingProxyType(
    {
        "azure": ("cvfs.stores.azure",),
        "boto3": ("cvfs.stores.s3",),
        "botocore": ("cvfs.stores.s3",),
        "click": ("cli",),
        "configobj": ("cvfs.metafiles",),
        "google": ("cvfs.stores.gcs",),
        "paramiko": ("cvfs.stores.ssh",),
        "requests": ("cvfs.stores.http", "cvfs.stores.gcs", "cvfs.stores.azure"),
        "obstore": ("cvfs.stores.azure", "cvfs.stores.gcs", "cvfs.stores.obstore_reading", "cvfs.stores.s3"),
        "pathspec": ("cvfs.metafiles",),
        "pyfuse3": ("cvfs.fuse",),
        "rich": ("cli",),
        "yaml": ("cvfs.metafiles",),
    }
)
SDKS = ("azure", "boto3", "botocore", "google", "obstore")

#: Layers that know nothing of trio: what they do is plain and synchronous, and runs in worker threads.
SYNCHRONOUS = tuple(
    f"cvfs.{name}" for name in ("errors", "model", "metafiles", "git", "snapshot", "stores", "cache", "workspace")
)

#: What belongs to the command line alone.
TERMINAL = ("print", "input", "exit", "quit", "sys.exit", "sys.argv", "os.environ", "os.getenv", "os.environb")

#: A module that may use one of those names all the same, and why.
EXCEPTIONS: MappingProxyType[tuple[str, str], str] = MappingProxyType(
    {
        ("cvfs.stores.azure.surroundings", "os.environ"): "the SDKs of the others read them",
    }
)

VAGUE = ("utils", "util", "common", "helpers", "helper", "misc")
LONGEST = 400


def module_name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def imports(tree: ast.AST, module: str, is_package: bool) -> Iterator[tuple[str, ast.stmt]]:
    """Yield every name that ``module`` imports, absolute, down to the object after ``from … import``."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            yield from ((f"{base}.{alias.name}", node) for alias in node.names)


def forbidden_imports(source: str, module: str, is_package: bool = False) -> list[str]:
    """Name each import of ``module`` that the layers do not allow."""
    return [
        f"{module}:{node.lineno} imports {name}"
        for name, node in imports(ast.parse(source), module, is_package)
        if not (_allowed_layer(module, name) and _allowed_package(module, name))
    ]


def _allowed_layer(module: str, name: str) -> bool:
    if within(name, ("cli", "cvfs_cli")):
        return within(module, ("cli",))
    layer = next((layer for layer in LAYERS if within(module, (layer,))), None)
    if not within(name, ("cvfs",)) or layer is None:
        return True  # the standard library and dependencies; or a use case or a command, above all layers
    common = () if layer in EVERYONES else EVERYONES
    return within(name, (layer, *common, *LAYERS[layer])) or name == "cvfs.__version__"


def _allowed_package(module: str, name: str) -> bool:
    top = name.partition(".")[0]
    if top == "trio":
        return not within(module, SYNCHRONOUS)
    return top not in RESERVED or within(module, RESERVED[top])


def late_imports(source: str, module: str) -> list[str]:
    """Name each import inside a function, but those of an SDK on first use that carry the linter's mark."""
    lines = source.splitlines()
    functions = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    found = {(name, node.lineno) for function in functions for name, node in imports(function, module, False)}
    return [
        f"{module}:{line} imports {name} inside a function"
        for name, line in sorted(found)
        if not (within(module, ("cvfs.stores",)) and within(name, SDKS) and "# noqa: PLC0415" in lines[line - 1])
    ]


def terminal_uses(source: str, module: str) -> list[str]:
    """Name each use of the environment, of standard output or of the process's end outside the command line."""
    tree = ast.parse(source)
    names = {name: node.lineno for name, node in imports(tree, module, False)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names[f"{node.value.id}.{node.attr}"] = node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            names[node.id] = node.lineno
    return [
        f"{module}:{line} uses {name}"
        for name, line in names.items()
        if (name in TERMINAL or name == "SystemExit") and (module, name) not in EXCEPTIONS
    ]


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_module_keeps_to_its_layer(path: Path) -> None:
    source = (TOP / path).read_text(encoding="utf-8")
    module = module_name(path)
    found = forbidden_imports(source, module, path.name == "__init__.py") + late_imports(source, module)
    if not within(module, ("cli",)):
        found += terminal_uses(source, module)
    assert found == []


def test_every_package_of_cvfs_has_a_layer_or_is_a_use_case() -> None:
    packages = {module_name(path.parent) for path in SOURCES if path.parts[0] == "cvfs" and len(path.parts) > 2}
    assert [package for package in packages if not within(package, (*LAYERS, *USE_CASES))] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    everywhere = [*SOURCES, *(path.relative_to(TOP) for path in (TOP / "tests").rglob("*.py"))]
    assert [str(path) for path in everywhere if path.stem in VAGUE] == []


def test_no_module_is_long() -> None:
    everywhere = [TOP / path for path in SOURCES] + sorted((TOP / "tests").rglob("*.py"))
    lengths = {str(path.relative_to(TOP)): len(path.read_text(encoding="utf-8").splitlines()) for path in everywhere}
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("cvfs.cache.packs", "from cvfs.stores.store import Store"),
        ("cvfs.stores.local", "from cvfs.metafiles import dvcfile"),
        ("cvfs.stores.local", "import boto3"),
        ("cvfs.stores.s3", "import google.cloud.storage"),
        ("cvfs.snapshot.build", "import yaml"),
        ("cvfs.snapshot.build", "import trio"),
        ("cvfs.fetch.fetcher", "from pyfuse3 import ROOT_INODE"),
        ("cvfs.fuse.operations", "from ..snapshot import build"),
        ("cvfs.fuse.operations", "from cvfs import snapshot"),
        ("cvfs.mount", "from cvfs_cli.main import main"),
        ("cvfs.mount", "import click"),
        ("cvfs.model", "from cvfs.errors import CvfsError"),
    ],
)
def test_rule_finds_an_import_of_the_wrong_layer(module: str, source: str) -> None:
    assert len(forbidden_imports(source, module)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("cvfs.stores.local", "from cvfs.metafiles.config import RemoteConfig"),
        ("cvfs.stores.s3.store", "import boto3, obstore"),
        ("cvfs.fetch.fetcher", "import trio\nfrom cvfs.model import Content"),
        ("cvfs.mount", "from cvfs.fuse import session"),
        ("cli.main", "import click\nfrom cvfs_cli import messages"),
    ],
)
def test_rule_accepts_what_the_layers_allow(module: str, source: str) -> None:
    assert forbidden_imports(source, module) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("cvfs.stores.s3", "def f():\n    import boto3"),
        ("cvfs.stores.s3", "def f():\n    import json  # noqa: PLC0415"),
        ("cvfs.mount", "def f():\n    import boto3  # noqa: PLC0415"),
    ],
)
def test_rule_finds_an_import_inside_a_function(module: str, source: str) -> None:
    assert len(late_imports(source, module)) == 1


def test_rule_accepts_an_sdk_on_first_use() -> None:
    source = "async def f():\n    import boto3  # noqa: PLC0415 (loaded on first use)"
    assert late_imports(source, "cvfs.stores.s3") == []


@pytest.mark.parametrize(
    "source", ["print(1)", "import os\nos.environ['A']", "from os import environ", "raise SystemExit"]
)
def test_rule_finds_a_use_of_the_terminal(source: str) -> None:
    assert terminal_uses(source, "cvfs.mount") != []
