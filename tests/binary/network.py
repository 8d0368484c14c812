"""Run the program in this process's own network and mount namespaces, with a name server.

`network.py hosts|dns|nowhere DIRECTORY PROGRAM`: sts.test gets its address from /etc/hosts, from
the name server in /etc/resolv.conf, or from nobody. Prints what happened as JSON.
"""

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from runner import ROLE
from servers.sts import BASE, Sts

ADDRESS = bytes([127, 0, 0, 1])
NAME = b"\x03sts\x04test\x00"
queries: list[bytes] = []


def answer(query: bytes, known: bool) -> bytes:
    """Answer one DNS question: an A record for sts.test, no other record, no other name."""
    identity, question = query[:2], query[12:]
    end = question.index(b"\x00") + 5
    question, name = question[:end], question[: end - 4]
    if not (known and name.lower() == NAME):
        return identity + b"\x81\x83\x00\x01\x00\x00\x00\x00\x00\x00" + question
    if question[-4:-2] != b"\x00\x01":  # not an A record
        return identity + b"\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00" + question
    record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + ADDRESS
    return identity + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" + question + record


def serve_names(known: bool) -> None:
    """Answer on 127.0.0.1:53 until the process ends."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))

    def loop() -> None:
        while True:
            query, client = server.recvfrom(512)
            queries.append(query)
            server.sendto(answer(query, known), client)

    threading.Thread(target=loop, daemon=True).start()


def main() -> None:
    way, directory, *program = sys.argv[1:]
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    files = {
        "hosts": "127.0.0.1 localhost\n" + ("127.0.0.1 sts.test\n" if way == "hosts" else ""),
        "resolv.conf": "nameserver 127.0.0.1\n",
    }
    for name, content in files.items():
        ours = Path(directory, name)
        ours.write_text(content)
        subprocess.run(["mount", "--bind", str(ours), f"/etc/{name}"], check=True)
    serve_names(known=way == "dns")
    with Sts() as sts:
        env = {
            "AWS_ACCESS_KEY_ID": BASE.access_key,
            "AWS_SECRET_ACCESS_KEY": BASE.secret,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL_STS": f"http://sts.test:{sts.port}",
        }
        command = [*program, "--role-arn", ROLE, "--sts-timeout", "5s", "--", "/bin/true"]
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        told = {"code": done.returncode, "stderr": done.stderr, "asked": len(sts.asked)}
    print(json.dumps({**told, "queries": len(queries)}))


if __name__ == "__main__":
    main()
