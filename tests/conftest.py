"""Fixtures that several files share: the real MNIST folder, a fresh server, a browser."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CHROMIUM = "/usr/bin/chromium"
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")   # before the first import of NumPy
os.environ.setdefault("WORKERS", "0")   # a page that is tested computes in the test itself


def pytest_collection_modifyitems(items):
    """Tests skip where their browser or digits are missing; in CI a missing browser is a failure (the fixture below raises).

    A browser beside other work is late now and then: its tests have two tries, and the summary counts the second ones.
    What goes wrong in the server itself fails the run all the same, see `server`.
    """
    from tests.reference import MNIST  # which imports NumPy

    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        if "mnist" in marks and MNIST is None:
            item.add_marker(pytest.mark.skip(reason="MNIST_DIR names no folder with the four MNIST files"))
        if "browser" in marks:
            item.add_marker(pytest.mark.flaky(reruns=1))
            if not shutil.which(CHROMIUM) and not os.environ.get("CI"):
                item.add_marker(pytest.mark.skip(reason=f"no {CHROMIUM} on this machine"))


@pytest.fixture
def without_mnist(monkeypatch):
    """MNIST is slow to read again for every test; the pages must do without it."""
    monkeypatch.setenv("MNIST_DIR", "/nowhere")


class Server:
    """The app in a process of its own, as a visitor meets it."""

    def __init__(self, log: Path, env: dict[str, str] | None = None, port: int = 0):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)   # the port of one that was killed is free again
            s.bind(("127.0.0.1", port))
            port = s.getsockname()[1]
        self.url, self.log = f"http://127.0.0.1:{port}", log
        with open(log, "w") as out:
            options = [f"--server.{option}" for option in ("headless=true", "address=127.0.0.1", f"port={port}")]
            self.process = subprocess.Popen([sys.executable, "-m", "streamlit", "run", "streamlit_app.py", *options], cwd=ROOT,
                                            env={**os.environ, **(env or {})}, stdout=out, stderr=subprocess.STDOUT)
        opener, end = urllib.request.build_opener(urllib.request.ProxyHandler({})), time.monotonic() + 60
        while True:
            try:
                opener.open(self.url + "/_stcore/health", timeout=2).read()
                return
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise RuntimeError(f"the server did not start:\n{log.read_text()}") from None
                time.sleep(0.1)   # between two questions to a server that is starting

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)


@pytest.fixture
def new_server(tmp_path):
    """Starts servers, each of them cold; all are stopped at the end."""
    servers = []

    def start(**env: str) -> Server:
        servers.append(Server(tmp_path / f"server{len(servers)}.log", env))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One warm server for all tests that bring visitors of their own. In the end, its log holds no traceback through a file of ours."""
    from tests.wire.test_fuzz import tracebacks

    shared = Server(tmp_path_factory.mktemp("server") / "server.log")
    yield shared
    shared.stop()
    assert tracebacks(shared.log.read_text()) == []


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=20_000)   # a busy machine is slow, not wrong

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        yield chromium
        chromium.close()


class Tab:
    """A browser tab on the app that keeps what the console complains about."""

    def __init__(self, browser, size=(1400, 1000), **device):
        self.context = browser.new_context(viewport={"width": size[0], "height": size[1]}, locale="en-US", **device)
        self.page, self.complaints = self.context.new_page(), []
        self.page.on("console", lambda m: m.type == "error" and self.complaints.append(m.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, url: str):
        self.page.goto(url)
        self.settle()
        return self.page

    def settle(self) -> None:
        self.page.wait_for_selector("[data-testid='stApp'][data-test-connection-state='CONNECTED']", timeout=30_000)
        self.page.wait_for_selector("[data-testid='stApp'][data-test-script-state='notRunning']", timeout=30_000)
        self.page.wait_for_selector("[data-testid='stElementContainer']", state="attached", timeout=30_000)
        self.page.wait_for_selector("[data-testid='stSkeleton']", state="detached", timeout=30_000)   # the code of each kind of element


@pytest.fixture
def tab(browser):
    tabs = []

    def new(**options) -> Tab:
        tabs.append(Tab(browser, **options))
        return tabs[-1]

    yield new
    for one in tabs:
        one.context.close()
