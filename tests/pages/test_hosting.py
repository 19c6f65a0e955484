"""A class behind one address: nginx, with the file that compose.yaml gives it, in front of two processes of the app."""

import os
import re
import shutil
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import takewhile

import httpx
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.conftest import ROOT, Server

CONFIGURATION = (ROOT / ".streamlit" / "nginx.conf").read_text(encoding="utf-8")
COMPOSE = (ROOT / "compose.yaml").read_text(encoding="utf-8")
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
LINK = "initialization?init_part=neuron&init_seed=7"   # cheap, and cached after its first visitor
CLASS = 30


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def with_addresses(replicas: list[str], outside: str, inside: str, folder: str) -> str:
    """The configuration as it stands, with addresses and a folder of this machine."""
    text = CONFIGURATION
    for theirs, ours in (
        ("server app:8501 resolve max_fails=1 fail_timeout=5s;", " ".join(f"server {one} max_fails=1 fail_timeout=5s;" for one in replicas)),
        (r"172\.30\.0\.\d+:8501", f"(?:{'|'.join(map(re.escape, replicas))})"),
        ("listen 8080;", f"listen {outside};"),
        ("127.0.0.1:8081", inside),
        ("/tmp/", f"{folder}/"),
    ):
        assert theirs in text
        text = text.replace(theirs, ours)
    return text


class Hosted:
    """nginx in front of two replicas; `url` is what a class is told. What it starts, `stack` ends."""

    def __init__(self, folder, stack: ExitStack):
        self.folder, self.stack = folder, stack
        with ThreadPoolExecutor(2) as pool:   # both start at once
            self.replicas = list(pool.map(self.start, range(2)))
        outside = f"127.0.0.1:{free_port()}"
        self.url = f"http://{outside}"
        addresses = [replica.url.removeprefix("http://") for replica in self.replicas]
        (folder / "nginx.conf").write_text(with_addresses(addresses, outside, f"127.0.0.1:{free_port()}", str(folder)), encoding="utf-8")
        user = " user root;" if os.geteuid() == 0 else ""   # the folder is its maker's alone
        log = stack.enter_context(open(folder / "nginx.log", "w"))   # noqa: SIM115  (the stack closes it)
        nginx = stack.enter_context(subprocess.Popen([NGINX, "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf", "-g", f"daemon off;{user}"],
                                                     stdout=log, stderr=log))
        stack.callback(nginx.terminate)
        self.wait_for(lambda: httpx.get(f"{self.url}/_stcore/health", trust_env=False).status_code == 200)

    def start(self, number: int, port: int = 0) -> Server:
        replica = Server(self.folder / f"replica{number}.log", {"STREAMLIT_SERVER_COOKIE_SECRET": "one for all replicas"}, port)
        self.stack.callback(replica.stop)
        return replica

    def wait_for(self, fact, seconds=20.0) -> None:
        end = time.monotonic() + seconds
        while True:
            try:
                if fact():
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < end, (self.folder / "nginx.log").read_text()
            time.sleep(0.05)   # between two questions

    def sessions(self, replica: Server) -> int:
        """How many visitors a replica says that it has, asked past the proxy."""
        text = httpx.get(f"{replica.url}/_stcore/metrics", trust_env=False).text
        return int(re.search(r"^active_sessions (\d+)", text, re.MULTILINE)[1])


@pytest.fixture
def hosted(tmp_path):
    if NGINX is None and not os.environ.get("CI"):
        pytest.skip("no nginx on this machine (apt-get install nginx)")
    with ExitStack() as stack:
        yield Hosted(tmp_path, stack)


class Visitor:
    """Someone with a browser's cookies; `address` is the school that they sit in."""

    def __init__(self, url: str, address: str = "127.0.0.1"):
        self.http = httpx.Client(base_url=url, transport=httpx.HTTPTransport(local_address=address), timeout=30)
        self.url, self.socket, self.stack = url, None, ExitStack()

    @property
    def home(self) -> str:
        return f"http://{self.http.cookies['replica']}"

    def load(self) -> list[httpx.Response]:
        """A page with some of its 150 scripts, and everything else that a browser asks for at a first visit."""
        page = self.http.get(f"/{LINK}")
        scripts = re.findall(r'(?:src|href)="\.(/static/[^"]+)"', page.text)[:5]
        rest = ["/_stcore/health", "/_stcore/host-config", "/favicon.png", *scripts]
        asked = [self.http.get(path) for path in rest]
        missing = [self.http.get(f"/initialization{path}") for path in rest[:2]]   # Streamlit looks for its base path
        assert [answer.status_code for answer in missing] == [404, 404]
        self.connect()
        return [page, *asked]

    def connect(self) -> None:
        cookies = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        self.stack.close()
        self.socket = self.stack.enter_context(connect(
            f"{self.url.replace('http', 'ws')}/_stcore/stream", origin=self.url, subprotocols=["streamlit"],
            additional_headers={"Cookie": cookies}, proxy=None, open_timeout=30, close_timeout=1))

    def run(self) -> tuple[set[str], str]:
        """What kinds of element the link draws, and the script that it shows, in which every setting stands."""
        message = BackMsg()
        message.rerun_script.page_name, _, message.rerun_script.query_string = LINK.partition("?")
        self.socket.send(message.SerializeToString())
        kinds, scripts = set(), []
        while True:
            answer = ForwardMsg.FromString(self.socket.recv(timeout=30))
            if answer.HasField("delta"):
                element = answer.delta.new_element
                kinds.add(element.WhichOneof("type"))
                scripts.append(element.code.code_text)
            elif answer.WhichOneof("type") == "script_finished" and answer.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return kinds, "".join(scripts)

    def is_cut_off(self, within: float) -> bool:
        try:
            while True:
                self.socket.recv(timeout=within)
        except (ConnectionClosed, TimeoutError) as end:
            return isinstance(end, ConnectionClosed)

    def close(self) -> None:
        self.stack.close()
        self.http.close()


def everyone(does, visitors) -> list:
    with ThreadPoolExecutor(CLASS) as pool:
        return list(pool.map(does, visitors))


def draws_the_link(drawn: tuple[set[str], str]) -> bool:
    kinds, script = drawn
    return "vega_lite_chart" in kinds and "exception" not in kinds and "seed=7" in script


def a_class_is_spread_and_each_visitor_stays(hosted, students):
    """Thirty first visits at once from one address: nobody is refused, and no replica has more than its share."""
    assert {answer.status_code for answers in everyone(Visitor.load, students) for answer in answers} == {200}
    shares = [sum(student.home == replica.url for student in students) for replica in hosted.replicas]
    assert shares == [CLASS // 2, CLASS // 2]
    assert [hosted.sessions(replica) for replica in hosted.replicas] == shares   # the websockets are where the cookies say
    assert draws_the_link(next(student for student in students if student.home == hosted.replicas[1].url).run())
    for student in students[:4]:
        assert "set-cookie" not in student.http.get("/favicon.png").headers   # named once


def a_visitor_cannot_name_a_host(hosted):
    with socket.socket() as secret, httpx.Client(base_url=hosted.url, trust_env=False) as stranger:
        secret.bind(("127.0.0.1", 0))
        secret.listen()
        secret.settimeout(0)
        for address in (f"127.0.0.1:{secret.getsockname()[1]}", "localhost:22", f"{hosted.replicas[0].url}/", "x y", ""):
            answer = stranger.get("/favicon.png", headers={"Cookie": f"replica={address}"})
            assert answer.status_code == 200
            assert answer.cookies["replica"] in [replica.url.removeprefix("http://") for replica in hosted.replicas]
        with pytest.raises(BlockingIOError):
            secret.accept()


def metrics_are_closed_and_health_is_open(hosted):
    with httpx.Client(base_url=hosted.url, trust_env=False) as stranger:
        for path in ("_stcore/metrics", "_stcore/metrics?x", "_stcore//metrics", "_stcore/x/../metrics", "_stcore/%6detrics", "_stcore/metrics/",
                     "static/../_stcore/metrics", "_stcore/metrics%2f", "initialization/_stcore/metrics"):
            answer = stranger.request("GET", hosted.url + "/" + path, follow_redirects=True)
            assert "active_sessions" not in answer.text, path
        assert stranger.get("/_stcore/metrics").status_code == 404
        assert stranger.post("/_stcore/metrics").status_code == 404
        assert stranger.get("/_stcore/health").text == "ok"


def scripts_are_compressed_once(hosted):
    with httpx.Client(base_url=hosted.url, trust_env=False) as browser:
        page = browser.get("/")
        assert page.headers["content-encoding"] == "gzip"
        script = re.search(r'src="\.(/static/js/[^"]+)"', page.text)[1]
        answer = browser.get(script)
        plain = httpx.get(hosted.replicas[1].url + script, trust_env=False, headers={"Accept-Encoding": "identity"})
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.content == plain.content
        assert answer.num_bytes_downloaded < 0.4 * plain.num_bytes_downloaded
        assert browser.get(script, headers={"Accept-Encoding": "identity"}).content == plain.content
    kept = [path.read_bytes() for path in (hosted.folder / "scripts").iterdir()]
    assert [b"Content-Encoding: gzip" in one[:4000] for one in kept if script.encode() in one[:1000]].count(True) == 1
    assert answer.headers["cache-control"] == plain.headers["cache-control"]


def asking_for_a_script_is_no_visitors_turn(hosted):
    scripts = re.findall(r'href="\.(/static/js/[^"]+)"', httpx.get(hosted.url, trust_env=False).text)[-2:]   # nobody has asked for these
    homes = []
    for script in scripts:
        homes.append(httpx.get(hosted.url, trust_env=False).cookies["replica"])
        assert httpx.get(hosted.url + script, trust_env=False).status_code == 200
    assert len(set(homes)) == 2


def every_answer_carries_the_headers(hosted):
    with httpx.Client(base_url=hosted.url, trust_env=False) as browser:
        for path, status in (("/", 200), ("/favicon.png", 200), ("/_stcore/metrics", 404)):
            answer = browser.get(path)
            assert answer.status_code == status
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "same-origin"
            assert answer.headers["cross-origin-opener-policy"] == "same-origin"
            assert "camera=()" in answer.headers["permissions-policy"]
            assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
            assert answer.headers["server"] == "nginx"   # and no version
            assert "set-cookie" not in answer.headers or "HttpOnly; SameSite=Lax" in answer.headers["set-cookie"]


def too_much_is_refused_to_its_sender_alone(hosted, student):
    """A flood from one address and more than a megabyte are refused; a class at another address does not notice."""
    flood = hosted.stack.enter_context(closing(Visitor(hosted.url, address="127.0.0.2")))
    assert flood.http.post("/_stcore/upload_file/x", content=bytes(1024 * 1024 + 1)).status_code == 413
    assert flood.http.put("/_stcore/upload_file/x/y", content=bytes(1024)).status_code != 413
    answers = (flood.http.get("/_stcore/health").status_code for _ in range(2000))
    served = list(takewhile(lambda status: status != 429, answers))
    assert set(served) == {200}
    assert 500 < len(served) < 2000
    assert flood.http.get("/_stcore/metrics").headers["x-content-type-options"] == "nosniff"
    assert student.http.get("/_stcore/health").status_code == 200


def a_killed_replica_costs_its_visitors_a_reload(hosted, students):
    dead, alive = hosted.replicas
    lost = [student for student in students if student.home == dead.url]
    kept = [student for student in students if student.home == alive.url]
    dead.process.kill()
    dead.process.wait()
    assert all(everyone(lambda student: student.is_cut_off(within=20), lost))
    assert not any(everyone(lambda student: student.is_cut_off(within=0.1), kept))

    lost[0].connect()   # as the open page does, by itself
    assert lost[0].socket.response.headers["Set-Cookie"].startswith(f"replica={alive.url.removeprefix('http://')};")
    assert draws_the_link(lost[0].run())

    assert {answer.status_code for answers in everyone(Visitor.load, lost) for answer in answers} == {200}
    assert {student.home for student in students} == {alive.url}
    assert all(map(draws_the_link, everyone(Visitor.run, lost[:2] + kept[:2])))
    hosted.wait_for(lambda: hosted.sessions(alive) == CLASS)


def a_replica_that_starts_anew_gets_new_visitors_and_takes_none_away(hosted, students):
    dead, alive = hosted.replicas
    hosted.replicas[0] = anew = hosted.start(2, port=int(dead.url.rpartition(":")[2]))
    hosted.wait_for(lambda: httpx.get(f"{hosted.url}/favicon.png", trust_env=False).cookies["replica"] == anew.url.removeprefix("http://"))
    assert all("set-cookie" not in student.http.get("/favicon.png").headers for student in students)
    assert hosted.sessions(alive) == CLASS


def test_nginx_before_two_replicas(hosted):
    """One test, so that one pair of servers is started: what it holds is said by the functions above."""
    students = [hosted.stack.enter_context(closing(Visitor(hosted.url))) for _ in range(CLASS)]
    a_class_is_spread_and_each_visitor_stays(hosted, students)
    a_visitor_cannot_name_a_host(hosted)
    metrics_are_closed_and_health_is_open(hosted)
    scripts_are_compressed_once(hosted)
    asking_for_a_script_is_no_visitors_turn(hosted)
    every_answer_carries_the_headers(hosted)
    too_much_is_refused_to_its_sender_alone(hosted, students[0])
    a_killed_replica_costs_its_visitors_a_reload(hosted, students)
    a_replica_that_starts_anew_gets_new_visitors_and_takes_none_away(hosted, students)


@pytest.mark.slow
@pytest.mark.browser
def test_a_page_works_under_the_policy_and_comes_back_when_its_replica_is_killed(hosted, tab):
    visitor, refused, asked = tab(), set(), set()
    page = visitor.page
    page.expose_function("refused", lambda what: refused.add(what))
    page.add_init_script("addEventListener('securitypolicyviolation', e => refused(`${e.effectiveDirective} ${e.blockedURI}`))")
    page.on("request", lambda request: asked.add(request.url))
    for stem in ("", "activations?act_part=curves", "gradient_checking"):   # charts, a table, a map of cells
        visitor.open(f"{hosted.url}/{stem}")
        chart = "[data-testid='stDataFrame']" if "curves" in stem else "[data-testid='stVegaLiteChart']"
        page.locator(f"{chart} svg, {chart} canvas").first.wait_for(state="attached")
        assert page.locator("[data-testid='stException']").count() == 0
    visitor.open(f"{hosted.url}/{LINK}")
    home = next(cookie["value"] for cookie in visitor.context.cookies() if cookie["name"] == "replica")
    next(replica for replica in hosted.replicas if replica.url.endswith(home)).process.kill()
    visitor.open(page.url)
    page.locator("code").filter(has_text="seed=7").first.wait_for(state="attached")
    assert refused <= {"script-src wasm-eval"}   # Streamlit's 64-bit integers then do without
    own = hosted.url, f"blob:{hosted.url}", "data:"   # a component's script is a blob of its page
    assert all(url.startswith(own) for url in asked)


def test_the_policy_allows_no_other_host_and_no_evaluated_script():
    policy = re.search(r'Content-Security-Policy "([^"]+)"', CONFIGURATION)[1]
    rules = {name: set(sources) for name, *sources in (rule.split() for rule in policy.split(";"))}
    own = {"'self'", "'none'", "data:"}
    assert "blob:" in rules["script-src"]   # Streamlit loads a component's script so: made by a script of the page, from no other host
    rules["script-src"].remove("blob:")
    assert all(source in own or source.startswith("'sha256-") for name, sources in rules.items() if name != "style-src-attr" for source in sources)
    assert rules["style-src-attr"] == {"'unsafe-inline'"}   # Streamlit places by style attributes
    assert "data:" not in rules["script-src"] | rules["style-src"] | rules["connect-src"]
    assert rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == {"'none'"}


def test_compose_starts_the_proxy_with_this_configuration_and_the_replicas_with_one_secret():
    assert "./.streamlit/nginx.conf:/etc/nginx/nginx.conf:ro" in COMPOSE
    assert re.search(r"\n  app:\n    build: \.\n", COMPOSE)
    assert "server app:8501 resolve " in CONFIGURATION
    assert "STREAMLIT_SERVER_COOKIE_SECRET: ${COOKIE_SECRET:?" in COMPOSE
    subnet = re.search(r"subnet: (\d+\.\d+\.\d+)\.0/24", COMPOSE)[1]
    assert CONFIGURATION.count(re.escape(subnet)) == 2
    outside = re.search(r'"\$\{PORT:-80\}:(\d+)"', COMPOSE)[1]
    assert f"listen {outside};" in CONFIGURATION
    assert COMPOSE.count("ports:") == 1   # no replica answers but through the proxy
