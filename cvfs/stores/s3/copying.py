"""Copies made by the store: a version becomes a new version of another key, and no byte comes through here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cvfs.errors import StoreError
from cvfs.stores.retry import Retries
from cvfs.stores.s3.answers import Question
from cvfs.stores.s3.botocore_errors import mapped
from cvfs.stores.s3.options import S3Options
from cvfs.stores.s3.parameters import copying_from, creating, reading
from cvfs.stores.s3.parts import MOST_PARTS, begun, results, settled
from cvfs.stores.s3.stored import check_md5, md5_in, stat_of
from cvfs.stores.store import Stat

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef

#: The most that S3 copies in one request.
LARGEST_WHOLE = 5 << 30
#: Larger than those of uploads: no part passes through here.
PART_SIZE = 512 << 20
PARTS_AT_ONCE = 8

#: What is missing where the version itself may be read.
_NEEDS = "s3:PutObject (or, for an object with tags, s3:GetObjectVersionTagging)"

#: What an upload in parts does not take over from the source by itself.
_KEPT = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "Metadata",
    "WebsiteRedirectLocation",
)

Answer = Mapping[str, Any]


class Copier:
    """Copy versions within one bucket. Safe to use from several threads.

    ``describe`` asks for what an answer lacks; ``retries`` keeps one part that fails from costing all the others.
    """

    def __init__(
        self,
        options: S3Options,
        client: S3Client,
        retries: Retries,
        describe: Callable[[str | None, Question], Stat],
    ) -> None:
        self._bucket = options.bucket
        self._client = client
        self._retries = retries
        self._describe = describe
        self._for_reads = reading(options)
        self._for_sources = copying_from(options)
        self._for_objects = creating(options)
        self._threads = ThreadPoolExecutor(PARTS_AT_ONCE, "cvfs-copy")

    def copy(self, version_id: str, source: Question, target: Question) -> Stat:
        """Copy a version of the key in ``source`` and return what the answer says of the copy, as ``Store.copy``."""
        what: CopySourceTypeDef = {"Bucket": self._bucket, "Key": source.key, "VersionId": version_id}
        with mapped(source):
            # The answer to a copy does not say how large it is.
            head: Any = self._client.head_object(**what, **self._for_reads)
        size = head["ContentLength"]
        with mapped(replace(source, needs=_NEEDS)):
            in_parts = size > LARGEST_WHOLE
            answer = self._copy_parts(what, head, target) if in_parts else self._copy_whole(what, target)
        check_md5(answer, md5_in(head), target)
        stat = stat_of(answer, size)
        return stat if stat.version_id is not None and stat.etag is not None else self._completed(stat, target)

    def close(self) -> None:
        """End the threads that copy parts."""
        self._threads.shutdown()

    def _copy_whole(self, what: CopySourceTypeDef, target: Question) -> Answer:
        answer: Any = self._client.copy_object(
            Bucket=self._bucket, Key=target.key, CopySource=what, **self._for_objects, **self._for_sources
        )
        return {**answer, "ETag": answer.get("CopyObjectResult", {}).get("ETag")}

    def _copy_parts(self, what: CopySourceTypeDef, head: Answer, target: Question) -> Answer:
        where = {"Bucket": self._bucket, "Key": target.key}
        kept = {name: head[name] for name in _KEPT if name in head}
        size = head["ContentLength"]
        step = max(PART_SIZE, -(-size // MOST_PARTS))
        with begun(self._client, where, {**kept, **self._for_objects}) as upload:
            every = {**upload, **self._for_reads, **self._for_sources, "CopySource": what}
            spans = [(start, min(start + step, size)) for start in range(0, size, step)]
            sent: list[Future[Answer]] = []
            with settled(sent):
                for number, span in enumerate(spans, start=1):
                    sent.append(self._threads.submit(self._copy_part, every, number, span, target))
            parts: Any = results(sent)
            answer: Any = self._client.complete_multipart_upload(
                **upload, **self._for_reads, MultipartUpload={"Parts": parts}
            )
        return dict(answer)

    def _copy_part(self, every: Answer, number: int, span: tuple[int, int], target: Question) -> Answer:
        def copy() -> Answer:
            with mapped(target):
                part: Any = self._client.upload_part_copy(
                    **every, CopySourceRange=f"bytes={span[0]}-{span[1] - 1}", PartNumber=number
                )
            return {"PartNumber": number, "ETag": part["CopyPartResult"]["ETag"]}

        return self._retries.run(copy)

    def _completed(self, stat: Stat, target: Question) -> Stat:
        """Ask for what the answer to a copy lacks: some servers do not say which version they made."""
        current = self._describe(stat.version_id, target)
        if stat.version_id is None and (current.size, current.etag) != (stat.size, stat.etag or current.etag):
            raise StoreError(f"{target}: somebody else has written this object, and the store does not name our copy")
        return current
