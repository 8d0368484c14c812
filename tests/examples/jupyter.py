"""A client of a running Jupyter server: what a browser does, as far as a test needs it."""

import json
import subprocess
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from typing import Any

import websocket

from examples.sandbox import Sandbox
from runner import wait_for


@dataclass
class Server:
    """`url` ends with a slash."""

    url: str
    token: str = ""

    @classmethod
    def found(cls, sandbox: Sandbox, process: subprocess.Popen[str]) -> "Server":
        """The one that `process` has become, as soon as it says where it listens."""
        place = sandbox.home / f".local/share/jupyter/runtime/jpserver-{process.pid}.json"

        def listens() -> bool:
            if process.poll() is not None:
                raise AssertionError(f"no server: {process.communicate()[0]}")
            return place.exists() and place.read_text().endswith("}")

        wait_for(listens, 120)
        says = json.loads(place.read_text())
        return cls(f"http://127.0.0.1:{says['port']}{says['base_url']}")

    def request(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer to a GET, or to a POST of `body`."""
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}"} if self.token else {},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def status(self, path: str) -> int:
        """The HTTP status of a GET."""
        try:
            self.request(path)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        return 200

    def run_in_a_kernel(self, code: str) -> str:
        """What `code` prints in a new kernel, its last error included."""
        kernel = json.loads(self.request("api/kernels", {"name": "python3"}))["id"]
        connection = websocket.create_connection(
            f"{self.url.replace('http', 'ws', 1)}api/kernels/{kernel}/channels",
            header=[f"Authorization: token {self.token}"],
            timeout=120,
        )
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "version": "5.3"}
        header |= {"session": uuid.uuid4().hex, "username": "", "date": ""}
        content = {"code": code, "silent": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        connection.send(json.dumps({**message, "channel": "shell"}))
        printed = ""
        while True:
            answer = json.loads(connection.recv())
            if answer["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            content = answer["content"]
            printed += content.get("text", "") + content.get("evalue", "")
            if content.get("execution_state") == "idle":
                connection.close()
                return printed
