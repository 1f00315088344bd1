"""Which hosts are the provider's own, and which names could lead to another."""

from __future__ import annotations

import pytest
from trusting import EVIL, KEYS, STORES, accept, refuse, remote

from cvfs.errors import RemoteError
from cvfs.metafiles.trust import check_trust


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://s3.amazonaws.com",
        "https://s3.amazonaws.com/",
        "https://s3.amazonaws.com:443",
        "HTTPS://S3.AmazonAWS.com",
        "https://s3.eu-west-1.amazonaws.com",
        "https://s3-eu-west-1.amazonaws.com",
        "https://s3.dualstack.us-east-2.amazonaws.com",
        "https://s3-fips.us-gov-west-1.amazonaws.com",
        "https://s3-fips.dualstack.us-gov-east-1.amazonaws.com",
        "https://s3-accelerate.amazonaws.com",
        "https://s3-accelerate.dualstack.amazonaws.com",
        "https://s3.cn-north-1.amazonaws.com.cn",
        "",
    ],
)
def test_endpoints_of_aws_are_the_providers(endpoint: str) -> None:
    accept(remote(f"endpointurl = {endpoint}"))


LOOK_ALIKES = [
    "https://s3.amazonaws.com.evil.example",
    "https://s3.amazonaws.com@evil.example",
    "https://s3.amazonaws.com:443@evil.example",
    "https://evil.example/s3.amazonaws.com",
    "https://evil.example?s3.amazonaws.com",
    "https://evil.example#s3.amazonaws.com",
    "https://evil.example#.s3.amazonaws.com",
    "https://evil.example\\.s3.amazonaws.com",
    "https://evil.s3.amazonaws.com",
    "https://evilamazonaws.com",
    "https://s3.evilamazonaws.com",
    "https://s3-evil.amazonaws.com",
    "https://s3xamazonaws.com",
    "https://s3.amazonawsxcom",
    "https://s3.us-east-1.elb.amazonaws.com",
    "https://ec2-1-2-3-4.compute-1.amazonaws.com",
    "https://x.execute-api.us-east-1.amazonaws.com",
    "https://s3.amazonaws.com.",
    "https://s3.amazonaws.com:8443",
    "https://s3.amazonaws.com/path",
    "https://s3.amazonaws.com.cn.evil.example",
    "http://s3.amazonaws.com",
    "//s3.amazonaws.com",
    "s3.amazonaws.com",
    " https://s3.amazonaws.com",
    "https://s3.amazonaws.com ",
    "https://s3.amazonaws.com\t",
    "https://\u017f3.amazonaws.com",
    "https://s3.amazonaw\u017f.com",
    "https://s3.\u00e4mazonaws.com",
    "https://s3.amazonaws\u3002com",
    "https://storage.googleapis.com",
    "unix:///tmp/socket",
]


@pytest.mark.parametrize("endpoint", LOOK_ALIKES)
def test_endpoints_that_only_look_like_the_providers(endpoint: str) -> None:
    refuse(remote(f'endpointurl = "{endpoint}"'))


def test_line_breaks_in_an_endpoint() -> None:
    refuse(remote("endpointurl = '''https://s3.amazonaws.com\n@evil.example'''"))
    refuse(remote("endpointurl = '''https://s3.amazonaws.com\n'''"))


@pytest.mark.parametrize(
    ("endpoint", "providers"),
    [
        ("https://storage.googleapis.com", True),
        ("https://www.googleapis.com/", True),
        ("https://storage.us-central1.rep.googleapis.com", True),
        ("https://evil.storage.googleapis.com", False),
        ("https://storage.googleapis.com.evil.example", False),
        ("https://s3.amazonaws.com", False),
        ("http://storage.googleapis.com", False),
        (EVIL, False),
    ],
)
def test_endpoints_of_google(endpoint: str, providers: bool) -> None:
    option = f"endpointurl = {endpoint}"
    (accept if providers else refuse)(remote(option, url=STORES["gs"]))
    accept(remote(option, url=STORES["gs"], worktree=option))
    accept(remote(f"{option}\nallow_anonymous_login = true", url=STORES["gs"]))
    if not providers:
        refuse(remote(f"{option}\nallow_anonymous_login = true", url=STORES["gs"], local="credentialpath = c"))


@pytest.mark.parametrize(
    "option",
    [
        "region = 'evil.example/'",
        "region = 'evil.example#'",
        "region = 'x@evil.example:80/'",
        "region = 'a.b'",
        "region = ' eu-west-1'",
        "region = 'é'",
        "account_name = 'evil.example/'",
        "account_name = 'evil.example#'",
        "account_name = 'a.b'",
    ],
)
def test_names_that_would_become_a_host(option: str) -> None:
    url = STORES["azure" if option.startswith("account") else "s3"]
    refuse(remote(option, url=url))
    refuse(remote(option, url=url, worktree=option))
    refuse(remote(f"{option}\n{KEYS}", url=url))
    accept(remote(url=url, local=option))


@pytest.mark.parametrize("region", ["eu-west-1", "us-gov-east-1", "default", "RegionOne", "my_region", ""])
def test_names_of_regions(region: str) -> None:
    accept(remote(f"region = {region}"))


@pytest.mark.parametrize(
    "url",
    [
        "s3://evil.example#/k",
        "s3://evil.example?x/k",
        "s3://user@evil.example/k",
        "s3://b\\evil/k",
        "s3:///k",
        "gs://a b/k",
        "azure://c@evil.example/k",
        "s3://",
        "S3://evil#/k",
        "s3://.hidden/k",
        "s3://-x",
    ],
)
@pytest.mark.parametrize("trusted", [True, False])
def test_impossible_names_of_buckets(url: str, trusted: bool) -> None:
    with pytest.raises(RemoteError, match="not the name of a bucket"):
        check_trust(remote(url=url), trusted)


@pytest.mark.parametrize("url", ["s3://Old_Bucket.name", "s3://tenant:bucket/k#?x", "azure://$web/k", "gs://b/"])
def test_names_of_buckets(url: str) -> None:
    accept(remote(url=url))


def test_another_bucket_is_nobodys_danger() -> None:
    accept(remote(url="s3://evils-bucket/k", local=KEYS))
