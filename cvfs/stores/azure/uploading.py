"""Uploads: whole if small, in blocks side by side if large, with an md5 that the service verifies on its side.

Blocks carry the name of the upload that they belong to, so two uploads of one blob never mix. Those that are not
committed cannot be removed; Azure drops them after a week, or when somebody else writes the blob.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from azure.core import MatchConditions
from azure.storage.blob import BlobBlock, BlobClient, ContainerClient, ContentSettings

from cvfs.errors import AccessDeniedError, KeyTakenError, VersionNotFoundError
from cvfs.stores.azure.answers import Question
from cvfs.stores.azure.sdk_errors import mapped
from cvfs.stores.retry import Retries
from cvfs.stores.side_by_side import PieceSender
from cvfs.stores.source import Source, opened
from cvfs.stores.store import Stat, Uploadable

#: An upload of more than this is made in blocks of this size, or of larger ones where it takes more than Azure takes.
BLOCK_SIZE = 16 << 20
MOST_BLOCKS = 50_000
#: Blocks that are in memory and on their way at the same time, of all uploads together.
BLOCKS_AT_ONCE = 8

Answer = Mapping[str, Any]


class Uploader:
    """Upload blobs to one container. Safe to use from several threads.

    ``describe`` tells whether a blob is there. ``retries`` keeps one block that fails from costing all the others.
    """

    def __init__(
        self,
        client: ContainerClient,
        more: Mapping[str, Any],
        retries: Retries,
        describe: Callable[[Question], Stat],
    ) -> None:
        self._client = client
        self._more = dict(more)
        self._retries = retries
        self._describe = describe
        self._blocks: PieceSender[str] = PieceSender(BLOCKS_AT_ONCE, "cvfs-block")

    def put(self, source: Uploadable, asked: Question, *, md5: str | None, create_only: bool) -> Stat:
        """Upload a new version and return what the answer says of it, as ``Store.put``."""
        with mapped(asked), opened(source, str(asked), md5) as content:
            blob = self._client.get_blob_client(asked.key)
            if content.size <= BLOCK_SIZE:
                answer = self._put_whole(blob, content, create_only=create_only)
            else:
                answer = self._put_blocks(blob, content, asked, md5, create_only=create_only)
        return stat_from(answer, content.size)

    def close(self) -> None:
        """End the threads that send blocks."""
        self._blocks.close()

    def _put_whole(self, blob: BlobClient, content: Source, *, create_only: bool) -> Answer:
        data = content.read(content.size)
        content.verify()
        return blob.upload_blob(data, length=len(data), overwrite=not create_only, validate_content=True, **self._more)

    def _put_blocks(
        self, blob: BlobClient, content: Source, asked: Question, md5: str | None, *, create_only: bool
    ) -> Answer:
        if create_only:
            self._refuse_taken(asked)
        upload = secrets.token_hex(8)

        def stage(number: int, data: bytes) -> str:
            block = base64.b64encode(f"{upload}-{number:05}".encode()).decode("ascii")

            def send() -> None:
                with mapped(asked):
                    blob.stage_block(block, data, length=len(data), validate_content=True, **self._more)

            self._retries.run(send)
            return block

        size = max(BLOCK_SIZE, -(-content.size // MOST_BLOCKS))
        blocks = self._blocks.send(content, size, stage)
        content.verify()
        # Of a blob made of blocks, the service knows no md5 but the one that it is told.
        settings = None if md5 is None else ContentSettings(content_md5=bytearray.fromhex(md5))
        condition: dict[str, Any] = {"match_condition": MatchConditions.IfMissing} if create_only else {}
        return blob.commit_block_list(
            [BlobBlock(block) for block in blocks],
            content_settings=settings,
            validate_content=True,
            **condition,
            **self._more,
        )

    def _refuse_taken(self, asked: Question) -> None:
        """Look before gigabytes are sent in vain. What happens in between, the condition of the upload finds out."""
        try:
            self._describe(asked)
        except (VersionNotFoundError, AccessDeniedError):
            return
        raise KeyTakenError(f"{asked}: a blob is there already")


def stat_from(answer: Answer, size: int) -> Stat:
    """Return what the answer to a request that wrote ``size`` bytes says."""
    return Stat(size, answer.get("version_id") or None, answer.get("etag"))
