"""What uploads and copies in parts have in common: an end to everything that was begun, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

T = TypeVar("T")

#: The most that S3 takes.
MOST_PARTS = 10_000


@contextmanager
def begun(client: S3Client, where: Mapping[str, Any], parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Begin an upload in parts and give what names it; it is aborted if the block fails."""
    created = client.create_multipart_upload(**where, **parameters)
    upload = {**where, "UploadId": created["UploadId"]}
    try:
        yield upload
    except BaseException:
        # Or the bucket's owner pays for parts that nobody sees.
        with suppress(BotoCoreError, ClientError):
            client.abort_multipart_upload(**upload)
        raise


@contextmanager
def settled(futures: Sequence[Future[T]]) -> Iterator[None]:
    """Wait, at the end of the block, for all futures; after the first failure, those that have not begun are dropped.

    ``futures`` may grow in the block.
    """
    try:
        yield
        wait(futures, return_when=FIRST_EXCEPTION)
    finally:
        for future in futures:
            future.cancel()
        wait(futures)


def results(futures: Sequence[Future[T]]) -> list[T]:
    """Return the results of settled futures, or raise the first failure among them."""
    for future in futures:
        if not future.cancelled() and (error := future.exception()) is not None:
            raise error
    return [future.result() for future in futures]
