"""Failures that no server on loopback can be made to give: recorded texts of obstore."""

from __future__ import annotations

import obstore.exceptions
import pytest

from cvfs.errors import StoreError, UnavailableError
from cvfs.stores.s3.answers import Question
from cvfs.stores.s3.obstore_errors import from_obstore

ASKED = Question("s3://bucket", "bucket", "dir/a", "v1", lambda: "credentials: env")

CONNECT = """Generic S3 error: Error performing GET https://store.example/bucket/dir/a?versionId=v1 in 11ms - HTTP error

Debug source:
Generic {{
    store: "S3",
    source: RetryError(
        RetryErrorImpl {{
            inner: Http(
                HttpError {{
                    kind: Connect,
                    source: reqwest::Error {{
                        source: hyper_util::client::legacy::Error(
                            Connect,
                            {cause}
                        ),
                    }},
                }},
            ),
        }},
    ),
}}"""


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ('ConnectError("dns error", Custom { kind: Uncategorized })', "name cannot be resolved"),
        ('ConnectError("tcp connect error", Os { code: 111, kind: ConnectionRefused })', "refused the connection"),
        ('ConnectError("tcp connect error", Os { code: 104, kind: ConnectionReset })', "closed the connection"),
        ('ConnectError("tcp connect error", Os { code: 113, kind: HostUnreachable })', "the connection failed"),
    ],
)
def test_reason_of_a_failed_connection_is_told(cause: str, reason: str) -> None:
    error = from_obstore(obstore.exceptions.GenericError(CONNECT.format(cause=cause)), ASKED)
    assert isinstance(error, UnavailableError)
    assert reason in error.message
    assert "versionId=" not in str(error)


def test_unknown_text_is_neither_shown_nor_tried_again() -> None:
    error = from_obstore(ValueError("something with a s3cr3t"), ASKED)
    assert type(error) is StoreError
    assert "s3cr3t" not in str(error)
    assert "'dir/a', version 'v1'" in error.message
