"""A long run by hand: eight clients of one helper, short sessions, and an STS with bad moments.

    python tests/renewal/soak.py [PROGRAM] [MINUTES]

Prints what was asked, served and refused, and the helper's memory at the beginning and the end.
Ends with 1 if a client ever got an error or credentials that had expired.
"""

import datetime
import http.client
import json
import os
import random
import re
import shutil
import sys
import tempfile
import threading
import time
import urllib.parse
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from renewal.conftest import helpers, running_job
from runner import Runner
from servers import sts as behave
from servers.sts import BASE, Asked, Conversation, Sts

SESSION_SECONDS = 20
CLIENTS = 8
FAILING = 0.1


def moody(dice: random.Random) -> behave.Behaviour:
    """A tenth of the time an outage of one kind or another."""
    bad = (behave.INTERNAL_FAILURE, behave.THROTTLING, behave.drop, behave.ACCESS_DENIED)

    def behaviour(conversation: Conversation, asked: Asked) -> None:
        (dice.choice(bad) if dice.random() < FAILING else behave.ok)(conversation, asked)

    return behaviour


def ask(env: dict[str, str]) -> str:
    """One request as an SDK sends it; what came of it in a word."""
    url = urllib.parse.urlsplit(env["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=5)
    headers = {"Authorization": env["AWS_CONTAINER_AUTHORIZATION_TOKEN"]}
    try:
        connection.request("GET", url.path, headers=headers)
        answer = connection.getresponse()
        document = json.loads(answer.read())
    except OSError as error:
        return type(error).__name__
    finally:
        connection.close()
    if answer.status != 200:
        return f"HTTP {answer.status}"
    left = datetime.datetime.fromisoformat(document["Expiration"]).timestamp() - time.time()
    return "served" if left > 0 else "expired"


def memory(process: int) -> str:
    """Private memory in KiB, and open descriptors."""
    rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    found = dict(re.findall(r"^(\w+):\s+(\d+) kB", rollup, re.MULTILINE))
    count = len(os.listdir(f"/proc/{process}/fd"))
    return f"{found['Private_Dirty']} KiB private dirty, {found['Rss']} resident, {count} open"


def main() -> int:
    program = shutil.which(sys.argv[1] if len(sys.argv) > 1 else "aws-role-exec")
    assert program, "there is no such program"
    seconds = 60 * float(sys.argv[2] if len(sys.argv) > 2 else 20)
    place = tempfile.mkdtemp()
    results: Counter[str] = Counter()
    with Sts() as sts:
        sts.session_seconds = SESSION_SECONDS
        env = {
            "PATH": os.environ["PATH"],
            "HOME": place,
            "TMPDIR": place,
            "AWS_ACCESS_KEY_ID": BASE.access_key,
            "AWS_SECRET_ACCESS_KEY": BASE.secret,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_STS": sts.url,
        }
        run = Runner([os.path.abspath(program)], env, Path(place), Path(place), Path(place), list)
        with running_job(run, helpers) as job:
            sts.always(moody(random.Random(13)))
            time.sleep(2)
            print(f"begin: {memory(job.helper)}", flush=True)
            end = time.monotonic() + seconds

            def client() -> None:
                while time.monotonic() < end:
                    results[ask(job.env)] += 1
                    time.sleep(random.uniform(0.2, 1.0))

            threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            print(f"end:   {memory(job.helper)}")
            _, told = job.end()
        left = os.listdir(place)
        print(f"STS: {len(sts.asked)} requests in {seconds:.0f}s, {len(sts.issued)} sessions")
    shutil.rmtree(place)
    print(f"clients: {dict(results)}")
    print(f"lines on the job's stderr: {len(told.splitlines())}")
    print(f"left behind: {left or 'nothing'}")
    return int(set(results) != {"served"} or bool(left))


if __name__ == "__main__":
    sys.exit(main())
