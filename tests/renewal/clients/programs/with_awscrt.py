"""awscrt, the C library below several SDKs: one client with the default chain of credentials."""

import os
import sys
import urllib.parse

from awscrt.auth import AwsCredentialsProvider
from awscrt.http import HttpHeaders, HttpRequest
from awscrt.io import ClientBootstrap, DefaultHostResolver, EventLoopGroup
from awscrt.s3 import S3Client, S3RequestTlsMode, S3RequestType

bucket, endpoint = sys.argv[1:]
events = EventLoopGroup(1)
bootstrap = ClientBootstrap(events, DefaultHostResolver(events))
s3 = S3Client(
    bootstrap=bootstrap,
    region=os.environ["AWS_REGION"],
    tls_mode=S3RequestTlsMode.DISABLED,
    credential_provider=AwsCredentialsProvider.new_default_chain(bootstrap),
)
headers = HttpHeaders([("Host", urllib.parse.urlsplit(endpoint).netloc)])


def get(path: str) -> bytes:
    """Return what the object at the path holds."""
    parts: list[bytes] = []
    s3.make_request(
        type=S3RequestType.GET_OBJECT,
        request=HttpRequest("GET", path, headers),
        on_body=lambda chunk, **more: parts.append(chunk),
    ).finished_future.result()
    return b"".join(parts)


while b"more" in get(f"/{bucket}/state"):
    pass
