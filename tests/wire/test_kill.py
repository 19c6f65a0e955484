"""kill -9 at random moments: the next start works, and says what was lost."""

import contextlib
import http.server
import os
import random
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from benchmarks.client import OPENER, Server, Visitor
from pages.shared import runs
from tests.engine.test_datasets import PACKED, SMALL_FILES

# A server whose MNIST is a few made-up images, handed out by a mirror of this machine
STARTED = """import sys
from engine import mnist
mnist.FILES = {files!r}
mnist.PATIENCE = 2
from streamlit.web.cli import main
sys.argv = ["streamlit", "run", "streamlit_app.py", *sys.argv[1:]]
main()
"""


class Drip(http.server.BaseHTTPRequestHandler):
    """A mirror that hands out its files in small pieces, so that a kill falls between them."""

    def do_GET(self):
        content = PACKED[self.path.rpartition("/")[2]]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        for start in range(0, len(content), max(1, len(content) // 8)):
            try:
                self.wfile.write(content[start:start + max(1, len(content) // 8)])
                self.wfile.flush()
            except ConnectionError:
                return
            threading.Event().wait(0.02)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def killed(tmp_path):
    """A server that can be started again and again, with a cache folder of its own and a slow mirror."""
    mirror = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Drip)
    thread = threading.Thread(target=mirror.serve_forever, args=(0.01,))
    thread.start()
    program = tmp_path / "started.py"
    program.write_text(STARTED.format(files=SMALL_FILES))
    server = Server(tmp_path / "server.log", command=[sys.executable, str(program)], MNIST_URL=f"http://127.0.0.1:{mirror.server_port}", MNIST_DIR="",
                    XDG_CACHE_HOME=str(tmp_path / "cache"), WORKERS="0", PYTHONPATH=os.getcwd())
    yield server, tmp_path / "cache"
    server.stop("kill")
    mirror.shutdown()
    mirror.server_close()
    thread.join()


def kill_later(server: Server, seconds: float) -> None:
    threading.Timer(seconds, server.process.kill).start()


def start_again(server: Server) -> None:
    server.process.wait(timeout=20)
    server.start()


def train(server: Server, rng: random.Random) -> None:
    """Killed in the middle of a training: who comes back reads that it is gone, and starts it again."""
    one = Visitor(server.url, "mnist_training?mnist_epochs=300")
    one.press("mnist_run_start")
    kill_later(server, rng.uniform(0, 0.5))
    with contextlib.suppress(Exception):   # whatever the connection dies of
        one.watch(30)
    start_again(server)
    one.connect()
    assert runs.LOST in one.text()
    one.press("mnist_run_start")
    assert runs.LOST not in one.text()
    one.vanish()


def download(server: Server, rng: random.Random, cache: Path) -> None:
    """Killed while files come in and are written: nothing half done is taken for a file, and the next download ends well."""
    for path in cache.rglob("*-ubyte.gz"):
        if rng.random() < 0.7:
            path.unlink()
    one = Visitor(server.url, "mnist_training?mnist_data=mnist")
    offered = [key for key, (_, proto) in one.widgets().items() if "Download MNIST" in getattr(proto, "label", "")]
    if offered:
        kill_later(server, rng.uniform(0, 1.2))
        with contextlib.suppress(Exception):   # whatever the connection dies of
            one.press(offered[0])
            one.watch(30)
        start_again(server)
    files = {path.name: path.read_bytes() for path in cache.glob("*/*-ubyte.gz")}
    assert all(content == PACKED[name] for name, content in files.items())
    two = Visitor(server.url, "mnist_training?mnist_data=mnist")
    again = [key for key, (_, proto) in two.widgets().items() if "Download MNIST" in getattr(proto, "label", "")]
    if again:
        two.press(again[0])
    assert "MNIST is not on this server" not in two.text()
    assert not list(cache.glob("*/download-*"))   # what was half done is cleared away
    two.vanish()


def upload(server: Server, rng: random.Random) -> None:
    """Killed while somebody sends a large body to the address of uploads, which this app has no use for."""
    kill_later(server, rng.uniform(0, 0.3))
    asked = urllib.request.Request(f"{server.url}/_stcore/upload_file/nobody/x", data=bytes(20_000_000), method="PUT")
    with contextlib.suppress(OSError):
        OPENER.open(asked, timeout=20)
    start_again(server)
    assert "Start" in "".join(Visitor(server.url, "mnist_training").widgets()["mnist_run_start"][1].label)


def through_kills(killed, moments: int) -> None:
    server, cache = killed
    rng = random.Random(9)
    for i in range(moments):
        what = (train, download, upload)[i % 3]
        what(server, rng, *([cache] if what is download else []))
    assert "Traceback" not in server.log.read_text()


def test_after_a_kill_the_next_start_works_and_says_what_was_lost(killed):
    through_kills(killed, 3)


@pytest.mark.slow
@pytest.mark.long
def test_after_fifty_kills_at_random_moments_the_next_start_works(killed):
    through_kills(killed, 50)
