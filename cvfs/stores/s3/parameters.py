"""What the options of a remote add to the parameters of S3's operations."""

from __future__ import annotations

from typing import Any

from cvfs.stores.s3.options import S3Options


def reading(options: S3Options) -> dict[str, Any]:
    """Return what every request for an object's bytes needs, and every one for a part of an upload."""
    if options.sse_customer_key is None:
        return {}
    return {"SSECustomerAlgorithm": options.sse_customer_algorithm, "SSECustomerKey": options.sse_customer_key}


def copying_from(options: S3Options) -> dict[str, Any]:
    """Return what a copy needs to read its source."""
    return {f"CopySource{name}": value for name, value in reading(options).items()}


def creating(options: S3Options) -> dict[str, Any]:
    """Return what every request needs that makes a new object."""
    named = {"ServerSideEncryption": options.sse, "SSEKMSKeyId": options.sse_kms_key_id, "ACL": options.acl}
    given = {name: value for name, value in named.items() if value is not None}
    return {**reading(options), **given, **dict(options.grants)}
