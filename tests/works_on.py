"""Ask STS who this is, with one client of a real SDK, until it has had keys of three sessions.

Stands for a job that is longer than its session. With `--output PATH` it leaves a file, as a step
of a pipeline does.
"""

import sys
import time

import botocore.session

SESSIONS = 3

session = botocore.session.Session()
sts = session.create_client("sts", "us-east-1")
seen = set()
while len(seen) < SESSIONS:
    arn = sts.get_caller_identity()["Arn"]
    seen.add(session.get_credentials().get_frozen_credentials().access_key)
    time.sleep(0.2)
print(arn)
if "--output" in sys.argv:
    with open(sys.argv[sys.argv.index("--output") + 1], "w") as file:
        file.write(arn)
