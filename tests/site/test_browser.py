"""The site in a browser: `make test-site`. Debian's chromium, told what to do by its DevTools."""

import base64
import functools
import http.server
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 120


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The site, built and served on loopback."""
    place = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", place],
        cwd=REPOSITORY,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        check=True,
    )
    handler = functools.partial(_Quiet, directory=str(place))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


class Browser:
    """One page of a browser. `asked` has the address of whatever it fetched."""

    def __init__(self, url: str) -> None:
        self._socket = websocket.create_connection(url, suppress_origin=True)
        self._numbers = itertools.count(1)
        self.asked: list[str] = []
        self.said: list[str] = []
        for domain in ("Page", "Network", "Runtime"):
            self.do(f"{domain}.enable")
        self.do("Emulation.setFocusEmulationEnabled", enabled=True)

    def do(self, method: str, **parameters: object) -> dict[str, Any]:
        """Give a command, and return its result."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("method") == "Network.requestWillBeSent":
                self.asked.append(message["params"]["request"]["url"])
            elif message.get("method") == "Runtime.exceptionThrown":
                self.said.append(json.dumps(message["params"]["exceptionDetails"]))
            elif message.get("id") == number:
                assert "error" not in message, message
                return message["result"]

    def value(self, script: str) -> Any:
        return self.do("Runtime.evaluate", expression=script, returnByValue=True)["result"].get(
            "value"
        )

    def wait(self, script: str) -> Any:
        """Return what a script gives, once that is something."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            found = self.value(script)
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"never true: {script}")

    def open(self, url: str) -> None:
        self.do("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && document.querySelector('h1') !== null")

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.do("Page.captureScreenshot")["data"]))


@pytest.fixture(params=["light", "dark"])
def browser(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Browser]:
    """A browser that prefers light or dark."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("SKIPPED: there is no chromium here")
    process = subprocess.Popen(
        [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--window-size=1280,900",
            "--remote-debugging-port=0",
            f"--user-data-dir={tmp_path}/profile",
            f"--blink-settings=preferredColorScheme={int(request.param == 'light')}",
        ],
        env={**os.environ, "TMPDIR": str(tmp_path)},  # where it leaves what it is killed over
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        lines = (re.search(r"ws://127\.0\.0\.1:(\d+)/", line) for line in process.stderr)
        port = next(found[1] for found in lines if found)
        threading.Thread(target=process.stderr.read, daemon=True).start()  # so that it is not full
        new = urllib.request.Request(f"http://127.0.0.1:{port}/json/new", method="PUT")
        with urllib.request.urlopen(new) as answer:
            page = json.load(answer)
        yield Browser(page["webSocketDebuggerUrl"])
    finally:
        process.kill()
        process.wait()


def test_the_start_page_the_search_and_a_page_are_shown(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    """In both colours, wide and narrow, with pictures; nothing is asked of another host, and no
    script fails."""
    browser.open(address)
    assert browser.value("document.querySelector('h1').innerText").startswith("aws-role-exec")
    browser.wait("document.querySelector('article img').naturalWidth > 100")
    browser.picture(tmp_path / "start.png")

    browser.value("document.querySelector('.md-search__input').focus()")
    browser.wait("document.activeElement.classList.contains('md-search__input')")
    browser.do("Input.insertText", text="buildkite")
    for kind in ("keyDown", "keyUp"):  # which the search waits for
        browser.do("Input.dispatchKeyEvent", type=kind, key="Shift")
    browser.wait(
        "[...document.querySelectorAll('.md-search-result__link')]"
        f".some(link => link.href.startsWith('{address}buildkite/'))"
    )
    browser.picture(tmp_path / "search.png")

    browser.open(f"{address}slurm/")
    assert browser.value("document.querySelectorAll('article pre code').length") > 1
    browser.picture(tmp_path / "slurm.png")

    browser.open(f"{address}sessions/")
    browser.wait("[...document.querySelectorAll('article img')].every(one => one.naturalWidth)")
    browser.picture(tmp_path / "sessions.png")

    browser.do(
        "Emulation.setDeviceMetricsOverride",
        width=390,
        height=844,
        deviceScaleFactor=1,
        mobile=True,
    )
    browser.open(f"{address}options/")
    assert browser.value("document.documentElement.scrollWidth") <= 390, "wider than a telephone"
    browser.picture(tmp_path / "telephone.png")

    local = (address, "data:", "blob:")
    assert [url for url in browser.asked if not url.startswith(local)] == []
    assert browser.said == []
