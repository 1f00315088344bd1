"""Requests through botocore: what obstore cannot express, and all that is not a GET."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cvfs.errors import IntegrityError, StoreError
from cvfs.stores.ranges import range_end
from cvfs.stores.s3.answers import Question, WrongRegionError, other_bytes
from cvfs.stores.s3.botocore_errors import from_botocore
from cvfs.stores.s3.fast import bare_etag
from cvfs.stores.s3.options import S3Options
from cvfs.stores.store import Piece, Stat

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

#: An upload of more than this is made in parts of this size (S3 wants at least 5 MiB), or of larger ones where it takes
#: more than 10,000 of them, which is the most that S3 takes.
PART_SIZE = 16 << 20
MOST_PARTS = 10_000

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class PlainClient:
    """Read, describe and upload objects of one bucket. Safe to use from several threads."""

    def __init__(self, options: S3Options, client: S3Client) -> None:
        self._bucket = options.bucket
        self._client = client
        self._for_reads = _customer_key(options)
        self._for_uploads = self._for_reads | _upload_options(options)

    def read(self, version_id: str, start: int, length: int | None, asked: Question) -> Piece:
        """GET one version, or a range of it, and hold the answer to what was asked."""
        where: dict[str, Any] = {"Bucket": self._bucket, "Key": asked.key, "VersionId": version_id, **self._for_reads}
        ranged = start > 0 or length is not None
        if ranged:
            where["Range"] = f"bytes={start}-{'' if length is None else start + length - 1}"
        with _mapped(asked):
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
        return Piece(data, start, _stat(answer, size))

    def stat(self, version_id: str | None, asked: Question) -> Stat:
        """HEAD one version, or the current one."""
        where: dict[str, Any] = {"Bucket": self._bucket, "Key": asked.key, **self._for_reads}
        if version_id is not None:
            where["VersionId"] = version_id
        with _mapped(asked):
            answer = self._client.head_object(**where)
        return _stat(answer, answer["ContentLength"])

    def put(self, source: bytes | Path, asked: Question) -> Stat:
        """Upload a new version, in parts if it is large, and return what the answer says of it."""
        with _mapped(asked), BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            where: dict[str, Any] = {"Bucket": self._bucket, "Key": asked.key}
            answer = self._put_parts(where, file, size) if size > PART_SIZE else self._put_whole(where, file)
        stat = _stat(answer, size)
        if stat.version_id is not None and not stat.etag:
            # Some servers leave it out when parts are put together.
            return self.stat(stat.version_id, asked)
        return stat

    def versioning_status(self, asked: Question) -> str | None:
        """Return ``Enabled``, ``Suspended``, or None for a bucket that never had versions."""
        with _mapped(asked):
            return self._client.get_bucket_versioning(Bucket=self._bucket).get("Status")

    def enable_versioning(self, asked: Question) -> None:
        """Turn versioning on."""
        with _mapped(asked):
            self._client.put_bucket_versioning(Bucket=self._bucket, VersioningConfiguration={"Status": "Enabled"})

    def close(self) -> None:
        """Release connections."""
        self._client.close()

    def _put_whole(self, where: dict[str, Any], file: IO[bytes]) -> Mapping[str, Any]:
        return self._client.put_object(**where, **self._for_uploads, Body=file)

    def _put_parts(self, where: dict[str, Any], file: IO[bytes], size: int) -> Mapping[str, Any]:
        part_size = max(PART_SIZE, -(-size // MOST_PARTS))
        where["UploadId"] = self._client.create_multipart_upload(**where, **self._for_uploads)["UploadId"]
        parts: list[Any] = []
        try:
            for number in count(1):
                if not (data := file.read(part_size)):
                    break
                part = self._client.upload_part(**where, **self._for_reads, PartNumber=number, Body=data)
                parts.append({"PartNumber": number, "ETag": part["ETag"]})
            return self._client.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
        except BaseException:
            # Or the bucket's owner pays for parts that nobody sees.
            with suppress(BotoCoreError, ClientError):
                self._client.abort_multipart_upload(**where)
            raise


def _stat(answer: Mapping[str, Any], size: int) -> Stat:
    etag = answer.get("ETag")
    return Stat(size, answer.get("VersionId"), None if etag is None else bare_etag(etag))


def _content_range(header: str, asked: Question) -> tuple[int, int, int]:
    """Parse Content-Range into start, stop and total size."""
    found = _CONTENT_RANGE.fullmatch(header)
    if found is None:
        raise other_bytes(asked)
    return int(found[1]), int(found[2]) + 1, int(found[3])


def _customer_key(options: S3Options) -> dict[str, Any]:
    if options.sse_customer_key is None:
        return {}
    return {"SSECustomerAlgorithm": options.sse_customer_algorithm, "SSECustomerKey": options.sse_customer_key}


def _upload_options(options: S3Options) -> dict[str, Any]:
    named = {"ServerSideEncryption": options.sse, "SSEKMSKeyId": options.sse_kms_key_id, "ACL": options.acl}
    return {name: value for name, value in named.items() if value is not None} | dict(options.grants)


@contextmanager
def _mapped(asked: Question) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise from_botocore(error, asked) from error
    except RecursionError as error:
        # botocore asks for the bucket's region without end where a redirect does not name it.
        raise WrongRegionError(asked, None) from error
    except OSError as error:
        raise StoreError(f"{asked}: {error}") from error
