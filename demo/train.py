"""Ask STS who one is until the credentials that one began with have expired, and once more.

Nothing here knows of renewal: an AWS SDK asks for its credentials anew before they end.
"""

import time

import botocore.session
from botocore.exceptions import ClientError

started = time.monotonic()
session = botocore.session.Session()
sts = session.create_client("sts")


def say(what: str) -> None:
    print(f"after {time.monotonic() - started:3.1f} s: {what}", flush=True)


first = session.get_credentials().get_frozen_credentials()
say(f"I am {sts.get_caller_identity()['Arn']}")
first_only = session.create_client(
    "sts",
    aws_access_key_id=first.access_key,
    aws_secret_access_key=first.secret_key,
    aws_session_token=first.token,
)
try:
    while first_only.get_caller_identity():
        time.sleep(0.1)
except ClientError as refused:
    say(f"to the first key STS says {refused.response['Error']['Code']}")
say(f"I am {sts.get_caller_identity()['Arn']} all the same")
