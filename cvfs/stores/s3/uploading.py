"""Uploads: whole if small, in parts side by side if large, with a checksum that the server verifies.

Content-MD5 goes along with every request that carries bytes: it is the one checksum that all servers of this protocol
know. Where the answer's ETag is an md5, it is compared as well, for servers that take the header and do not look at it.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from cvfs.errors import AccessDeniedError, KeyTakenError, VersionNotFoundError
from cvfs.stores.retry import Retries
from cvfs.stores.s3.answers import Question, UnsupportedError
from cvfs.stores.s3.botocore_errors import mapped
from cvfs.stores.s3.options import S3Options
from cvfs.stores.s3.parameters import creating, reading
from cvfs.stores.s3.parts import MOST_PARTS, begun, results, settled
from cvfs.stores.s3.stored import check_md5, stat_of
from cvfs.stores.source import Source, opened
from cvfs.stores.store import Stat, Uploadable

if TYPE_CHECKING:
    from botocore.awsrequest import AWSRequest
    from mypy_boto3_s3.client import S3Client

#: An upload of more than this is made in parts of this size (S3 wants at least 5 MiB), or of larger ones where it takes
#: more than ``MOST_PARTS`` of them.
PART_SIZE = 16 << 20
#: Parts that are in memory and on their way at the same time, of all uploads together.
PARTS_AT_ONCE = 8

Answer = Mapping[str, Any]


class Uploader:
    """Upload objects to one bucket. Safe to use from several threads.

    ``describe`` asks for what an answer lacks. ``retries`` keeps one part that fails from costing all the others.
    """

    def __init__(
        self, options: S3Options, client: S3Client, retries: Retries, describe: Callable[[str | None, Question], Stat]
    ) -> None:
        self._bucket = options.bucket
        self._client = client
        client.meta.events.register("before-sign.s3.PutObject", _send_at_once)
        self._retries = retries
        self._describe = describe
        self._for_parts = reading(options)
        self._for_objects = creating(options)
        self._room = threading.BoundedSemaphore(PARTS_AT_ONCE)
        self._threads = ThreadPoolExecutor(PARTS_AT_ONCE, "cvfs-part")

    def put(self, source: Uploadable, asked: Question, *, md5: str | None, create_only: bool) -> Stat:
        """Upload a new version and return what the answer says of it, as ``Store.put``."""
        condition = {"IfNoneMatch": "*"} if create_only else {}
        sure = create_only and self._is_free(asked)
        try:
            return self._put(source, asked, md5, condition)
        except UnsupportedError:
            if not sure:
                raise
        # The store knows no conditions, but the key was free a moment ago.
        return self._put(source, asked, md5, {})

    def close(self) -> None:
        """End the threads that send parts."""
        self._threads.shutdown()

    def _is_free(self, asked: Question) -> bool:
        """Tell whether the key is known to be free: some servers ignore the condition of an upload, or refuse it."""
        try:
            self._describe(None, asked)
        except VersionNotFoundError:
            return True
        except AccessDeniedError:
            return False  # who may not read can still upload, and the condition is enough on S3 itself
        raise KeyTakenError(f"{asked}: an object is there already")

    def _put(self, source: Uploadable, asked: Question, md5: str | None, condition: Answer) -> Stat:
        where = {"Bucket": self._bucket, "Key": asked.key}
        with mapped(asked), opened(source, str(asked), md5) as content:
            if content.size <= PART_SIZE:
                answer = self._put_whole(where, content, asked, condition)
            else:
                answer = self._put_parts(where, content, asked, condition)
        stat = stat_of(answer, content.size)
        if stat.version_id is not None and stat.etag is None:
            # Some servers leave it out when parts are put together.
            return self._describe(stat.version_id, asked)
        return stat

    def _put_whole(self, where: Answer, content: Source, asked: Question, condition: Answer) -> Answer:
        data = content.read(content.size)
        content.verify()
        md5 = hashlib.md5(data, usedforsecurity=False)
        answer: Any = self._client.put_object(
            **where, **self._for_objects, **condition, Body=data, ContentMD5=_base64(md5.digest())
        )
        check_md5(answer, md5.hexdigest(), asked)
        return dict(answer)

    def _put_parts(self, where: Answer, content: Source, asked: Question, condition: Answer) -> Answer:
        with begun(self._client, where, self._for_objects) as upload:
            parts: Any = self._send_parts(upload, content, asked)
            content.verify()
            answer: Any = self._client.complete_multipart_upload(
                **upload, **self._for_parts, **condition, MultipartUpload={"Parts": parts}
            )
        return dict(answer)

    def _send_parts(self, upload: Answer, content: Source, asked: Question) -> list[Answer]:
        part_size = max(PART_SIZE, -(-content.size // MOST_PARTS))
        failed = threading.Event()
        sent: list[Future[Answer]] = []

        def done(future: Future[Answer]) -> None:
            self._room.release()
            if not future.cancelled() and future.exception() is not None:
                failed.set()

        with settled(sent):
            for number in range(1, -(-content.size // part_size) + 1):
                if failed.is_set():
                    break
                sent.append(self._start_part(upload, number, content, part_size, asked))
                sent[-1].add_done_callback(done)
        return results(sent)

    def _start_part(self, upload: Answer, number: int, content: Source, size: int, asked: Question) -> Future[Answer]:
        self._room.acquire()
        try:
            return self._threads.submit(self._send_part, upload, number, content.read(size), asked)
        except BaseException:
            self._room.release()
            raise

    def _send_part(self, upload: Answer, number: int, data: bytes, asked: Question) -> Answer:
        md5 = hashlib.md5(data, usedforsecurity=False)

        def send() -> Answer:
            with mapped(asked):
                part: Any = self._client.upload_part(
                    **upload, **self._for_parts, PartNumber=number, Body=data, ContentMD5=_base64(md5.digest())
                )
            check_md5(part, md5.hexdigest(), asked)
            return {"PartNumber": number, "ETag": part["ETag"]}

        return self._retries.run(send)


def _send_at_once(request: AWSRequest, **_: object) -> None:
    """Take the header away that has botocore wait, up to a second, for the server's word before it sends the body."""
    del request.headers["Expect"]


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")
