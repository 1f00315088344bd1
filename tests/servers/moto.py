"""moto's S3 on a free port of loopback: a pytest plugin with the fixtures ``moto`` and ``guarded_moto``.

``moto`` takes any credentials. ``guarded_moto`` checks signatures and permissions, as S3 does. Both serve the whole
session, so every test makes buckets of its own.
"""

from __future__ import annotations

import json
import re
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.config import Config

from servers.process import running

#: Credentials that ``moto`` takes as well as any others.
ANY = ("test", "test")

_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_REQUEST = re.compile(r'"((?:GET|HEAD|PUT|POST|DELETE) .*) HTTP/1\.[01]" (\d{3})')


class StoredVersion(NamedTuple):
    """One line of a version listing. ``deleted`` marks a delete marker."""

    key: str
    version_id: str
    latest: bool
    deleted: bool


@dataclass(frozen=True)
class Moto:
    """A running server: ``endpoint`` is its URL, ``credentials`` are an access key and its secret."""

    endpoint: str
    log: Path
    credentials: tuple[str, str] = ANY

    def client(self, service: str = "s3") -> Any:
        """Make a boto3 client that talks to this server and to no other."""
        access_key, secret_key = self.credentials
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    @cached_property
    def s3(self) -> Any:
        """A client for S3."""
        return self.client()

    def make_bucket(self, *, versioned: bool = True) -> str:
        """Make a bucket of a new name and return it."""
        bucket = f"bucket-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=bucket)
        if versioned:
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        return bucket

    def versions(self, bucket: str, prefix: str = "") -> list[StoredVersion]:
        """List all versions and delete markers, newest first for each key."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        return [
            StoredVersion(item["Key"], item["VersionId"], item["IsLatest"], kind == "DeleteMarkers")
            for page in pages
            for kind in ("Versions", "DeleteMarkers")
            for item in page.get(kind, [])
        ]

    def requests(self, containing: str = "", since: int = 0) -> list[str]:
        """Return the requests that were answered, as ``GET /bucket/key?query`` (names decoded), with that text.

        ``since`` is a number that ``mark()`` gave earlier.
        """
        text = _COLOUR.sub("", self.log.read_bytes()[since:].decode("utf-8", "replace"))
        return [found[1] for found in _REQUEST.finditer(text) if containing in found[1]]

    def mark(self) -> int:
        """Remember this moment for ``requests(since=…)``."""
        return self.log.stat().st_size


@contextmanager
def run_moto(directory: Path) -> Iterator[Moto]:
    """Run a server of its own until the block ends."""
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with running(command, r"Running on (http://127\.0\.0\.1:\d+)", directory) as (endpoint, log):
        yield Moto(endpoint, log)


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    """Give a server that takes any credentials."""
    with run_moto(tmp_path_factory.mktemp("moto")) as server:
        yield server


class GuardedMoto(NamedTuple):
    """A server that knows two users: ``admin`` may do everything in S3, ``outsider`` nothing."""

    server: Moto
    outsider: tuple[str, str]


@pytest.fixture(scope="session")
def guarded_moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedMoto]:
    """Give a server that checks signatures and permissions; its ``credentials`` are those of the admin."""
    with run_moto(tmp_path_factory.mktemp("guarded-moto")) as server:
        admin, outsider = (_make_user(server, name) for name in ("admin", "outsider"))
        _allow_everything(server, "admin")
        # From here on, no action is free; that is, unchecked.
        plain = {"Content-Type": "text/plain"}
        urllib.request.urlopen(urllib.request.Request(f"{server.endpoint}/moto-api/reset-auth", b"0", plain)).close()
        yield GuardedMoto(Moto(server.endpoint, server.log, admin), outsider)


def _make_user(server: Moto, name: str) -> tuple[str, str]:
    iam = server.client("iam")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def _allow_everything(server: Moto, name: str) -> None:
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    server.client("iam").put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(policy))
