"""Requests through botocore: the reads that obstore cannot express, and the calls that carry no content."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from cvfs.errors import IntegrityError
from cvfs.stores.ranges import range_end
from cvfs.stores.retry import Retries
from cvfs.stores.s3.answers import Question, UnsupportedError, other_bytes
from cvfs.stores.s3.botocore_errors import mapped
from cvfs.stores.s3.copying import Copier
from cvfs.stores.s3.options import S3Options
from cvfs.stores.s3.parameters import reading
from cvfs.stores.s3.stored import check_md5, stat_of
from cvfs.stores.s3.uploading import Uploader
from cvfs.stores.store import Listed, Piece, Stat

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class Page(NamedTuple):
    """Where a page of a listing begins: behind the key ``after`` or, of its versions, behind ``version``."""

    prefix: str
    after: str = ""
    version: str = ""


class PlainClient:
    """Read, describe and list objects of one bucket; ``uploads`` and ``copies`` make new ones. Thread-safe."""

    def __init__(self, options: S3Options, client: S3Client) -> None:
        self._bucket = options.bucket
        self._client = client
        self._for_reads = reading(options)
        self._retries = Retries()
        self.uploads = Uploader(options, client, self._retries, self.stat)
        self.copies = Copier(options, client, self._retries, self.stat)

    def read(self, version_id: str | None, start: int, length: int | None, asked: Question) -> Piece:
        """GET one version or the current one, or a range of it, and hold the answer to what was asked."""
        where: dict[str, Any] = {"Bucket": self._bucket, "Key": asked.key, **self._for_reads}
        if version_id is not None:
            where["VersionId"] = version_id
        ranged = start > 0 or length is not None
        if ranged:
            where["Range"] = f"bytes={start}-{'' if length is None else start + length - 1}"
        with mapped(asked):
            answer = self._client.get_object(**where)
            with closing(answer["Body"]) as body:
                data = body.read()
        size = answer["ContentLength"]
        begin, end = 0, size
        if ranged:
            begin, end, size = _content_range(answer.get("ContentRange", ""), asked)
        stop = range_end(size, start, length, str(asked))
        if (begin, end) != (start, stop) or len(data) != stop - start:
            raise IntegrityError(f"{asked}: asked for bytes {start} to {stop}, got {len(data)} from {begin}")
        return Piece(data, start, stat_of(answer, size))

    def stat(self, version_id: str | None, asked: Question) -> Stat:
        """HEAD one version, or the current one."""
        answer = self._head(version_id, asked)
        return stat_of(answer, answer["ContentLength"])

    def check(self, version_id: str | None, md5: str, asked: Question) -> None:
        """HEAD a version. IntegrityError: its ETag is an md5, and not this one."""
        check_md5(self._head(version_id, asked), md5, asked)

    def page(self, place: Page, asked: Question) -> tuple[list[Listed], Page | None]:
        """List one page of current objects with their versions, and say where the next one begins.

        Keys are those in the bucket.

        Raises:
            UnsupportedError: the store cannot list versions.
        """
        wanted: dict[str, Any] = {"Bucket": self._bucket, "Prefix": place.prefix}
        if place.after:
            wanted["KeyMarker"] = place.after
        if place.version:
            wanted["VersionIdMarker"] = place.version
        with mapped(asked), _unsupported_if_405(asked):
            answer = self._client.list_object_versions(**wanted)
        found = [
            Listed(item["Key"], stat_of(item, item["Size"])) for item in answer.get("Versions", []) if item["IsLatest"]
        ]
        if not answer.get("IsTruncated"):
            return found, None
        # Without the version's marker, the rest of the versions of the last key would be left out; all but the first
        # are old ones.
        return found, Page(place.prefix, answer["NextKeyMarker"], answer.get("NextVersionIdMarker", ""))

    def versioning_status(self, asked: Question) -> str | None:
        """Return ``Enabled``, ``Suspended``, or None for a bucket that never had versions."""
        with mapped(asked), _unsupported_if_405(asked):
            return self._client.get_bucket_versioning(Bucket=self._bucket).get("Status")

    def enable_versioning(self, asked: Question) -> None:
        """Turn versioning on."""
        with mapped(asked), _unsupported_if_405(asked):
            self._client.put_bucket_versioning(Bucket=self._bucket, VersioningConfiguration={"Status": "Enabled"})

    def close(self) -> None:
        """End pauses and threads, and release connections."""
        self._retries.close()
        self.uploads.close()
        self.copies.close()
        self._client.close()

    def _head(self, version_id: str | None, asked: Question) -> Mapping[str, Any]:
        where: dict[str, Any] = {"Bucket": self._bucket, "Key": asked.key, **self._for_reads}
        if version_id is not None:
            where["VersionId"] = version_id
        with mapped(asked):
            return dict(self._client.head_object(**where))


def _content_range(header: str, asked: Question) -> tuple[int, int, int]:
    """Parse Content-Range into start, stop and total size."""
    found = _CONTENT_RANGE.fullmatch(header)
    if found is None:
        raise other_bytes(asked)
    return int(found[1]), int(found[2]) + 1, int(found[3])


@contextmanager
def _unsupported_if_405(asked: Question) -> Iterator[None]:
    """Tell a store that has no such operation from one that has no such object."""
    try:
        yield
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 405:
            raise
        raise UnsupportedError(f"{asked}: the store cannot do this: 405") from error
