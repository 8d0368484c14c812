"""Print the ARN that STS knows one's credentials by.

They are found where SDKs find them first, in the environment and then in a credentials file. Any
SDK would do the same, but takes half a second to load.
"""

import configparser
import os
import re
import time
import urllib.request
from collections.abc import Mapping

from aws_role_exec.credentials import Keys
from aws_role_exec.sts import protocol


def keys() -> Keys:
    found: Mapping[str, str] = os.environ
    if "AWS_ACCESS_KEY_ID" not in found:
        file = configparser.RawConfigParser()
        file.read(os.environ["AWS_SHARED_CREDENTIALS_FILE"])
        found = {name.upper(): value for name, value in file["default"].items()}
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    return Keys(*(found.get(name, "") for name in names))


url = os.environ["AWS_ENDPOINT_URL"]
body = protocol.form("GetCallerIdentity", {})
headers = protocol.sign(
    body,
    url.removeprefix("http://"),
    "/",
    region=os.environ["AWS_DEFAULT_REGION"],
    keys=keys(),
    seconds_since_epoch=time.time(),
)
with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
    print(re.findall("<Arn>(.*)</Arn>", answer.read().decode())[0])
