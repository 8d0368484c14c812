"""A client of a running Jupyter server: what a browser does, as far as a test needs it."""

import json
import socket
import subprocess
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from typing import Any

import websocket

from examples.sandbox import Sandbox
from runner import wait_for

WHOAMI = (
    "import botocore.session\n"
    "sts = botocore.session.Session().create_client('sts', 'us-east-1')\n"
    "print(sts.get_caller_identity()['Arn'])"
)


@dataclass
class Server:
    """`url` ends with a slash; `origin` is what the browser calls the server, if that differs."""

    url: str
    token: str = ""
    origin: str | None = None
    cookies: CookieJar = field(default_factory=CookieJar)

    @classmethod
    def found(cls, sandbox: Sandbox, process: subprocess.Popen[str]) -> "Server":
        """The one that `process` has become, as soon as it says where it listens."""
        place = sandbox.home / f".local/share/jupyter/runtime/jpserver-{process.pid}.json"

        def listens() -> bool:
            if process.poll() is not None:
                raise AssertionError(f"no server: {process.communicate()[0]}")
            if not place.exists() or not place.read_text().endswith("}"):
                return False
            # Jupyter writes this file before it opens its port.
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", json.loads(place.read_text())["port"])) == 0

        wait_for(listens, 120)
        says = json.loads(place.read_text())
        return cls(f"http://127.0.0.1:{says['port']}{says['base_url']}")

    def request(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer to a GET, or to a POST of `body`."""
        headers = {}
        for cookie in self.cookies:
            if cookie.name == "_xsrf":  # as JupyterLab's own scripts do
                headers["X-XSRFToken"] = cookie.value or ""
        if self.token:
            headers["Authorization"] = f"token {self.token}"
        if self.origin:
            headers["Origin"] = self.origin
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers)
        with self.open(request) as answer:
            return answer.read()

    def open(self, request: urllib.request.Request) -> Any:
        """What a browser gets, with the cookies that it has kept."""
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        return browser.open(request, timeout=60)

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
            header=[f"Authorization: token {self.token}"] if self.token else None,
            cookie="; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies),
            timeout=120,
            origin=self.origin,
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
