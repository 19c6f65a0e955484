"""A tab without a browser: it speaks Streamlit's own wire, and starts the server that it speaks to.

What a browser does, and no more: it opens the websocket, asks for a run, keeps what is drawn and what its widgets
hold, sends all of that back with each rerun, and asks for the ticks of a page that lives.
"""

import logging
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, suppress
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect

import pages.parts  # noqa: F401  (fills PAGES)
from pages.shared import link
from pages.shared.part import find_preset

ROOT = Path(__file__).parent.parent
logging.getLogger("websockets").setLevel(logging.CRITICAL)   # visitors vanish on purpose, which their own library takes for an error
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def link_to(key: str) -> str:
    """The link that opens a preset on its page."""
    page, preset = find_preset(key)
    return f"{page.stem}?{urlencode(link.query(page.controls, page.settings_of(preset)))}".rstrip("?")


class Server:
    """The app in a process of its own; `command` is what runs it, if not Streamlit itself."""

    def __init__(self, log: Path, command: list[str] | None = None, **env: str):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.url, self.log, self.env = f"http://127.0.0.1:{self.port}", log, env
        self.command = command or [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
        self.start()

    def start(self) -> None:
        options = [f"--server.{option}" for option in ("headless=true", "address=127.0.0.1", f"port={self.port}")]
        with open(self.log, "a") as out:
            self.process = subprocess.Popen([*self.command, *options], cwd=ROOT, env={**os.environ, **self.env}, stdout=out, stderr=subprocess.STDOUT)
        end = time.monotonic() + 90
        while True:
            with suppress(OSError):
                OPENER.open(self.url + "/_stcore/health", timeout=2).read()
                break
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError(f"the server did not start:\n{self.log.read_text()}")
            time.sleep(0.1)
        self.watched = psutil.Process(self.process.pid)

    def stop(self, how: str = "terminate") -> None:
        getattr(self.process, how)()
        self.process.wait(timeout=20)

    def megabytes(self) -> float:
        """Resident memory of the server itself and of what it started."""
        total = 0
        for process in (self.watched, *self.watched.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        return total / 2**20

    def own_megabytes(self) -> float:
        return self.watched.memory_info().rss / 2**20

    def complaints(self) -> list[str]:
        """Lines of the log that a healthy server does not write."""
        return [line for line in self.log.read_text().splitlines() if re.search(r"warn|error|traceback|exception", line, re.I)]

    def tracebacks(self) -> list[str]:
        """Those of the log, each once and whole."""
        return sorted({found.strip() for found in re.findall(r"Traceback.*?(?=\n\d{4}-|\Z)", self.log.read_text(), re.S)})


class Visitor:
    """One tab: what a browser says to the server, and what it keeps of the answers."""

    patience = 120.0   # seconds for a run of the whole page

    def __init__(self, url: str, link: str = ""):
        self.url, (self.path, _, self.query) = url, link.lstrip("/").partition("?")
        self.session = self.page = ""
        self.connect()

    def connect(self) -> None:
        """A new session, or the old one where it still lives."""
        self.elements: dict[tuple, tuple[str, Any, str, int]] = {}   # delta path -> kind, proto, fragment, run
        self.states: dict[str, WidgetState] = {}
        self.timers: dict[str, list[float]] = {}   # fragment -> interval, due
        self.runs, self.fragments, self.finished, self.faults, self.told = 0, [], 0, [], ""
        response = OPENER.open(self.url + "/_stcore/health", timeout=30)
        cookies = SimpleCookie("; ".join(response.headers.get_all("Set-Cookie") or []))
        token = cookies["_streamlit_xsrf"].value if "_streamlit_xsrf" in cookies else "none"
        self.open = ExitStack()
        self.socket = self.open.enter_context(connect(
            self.url.replace("http", "ws") + "/_stcore/stream", subprotocols=["streamlit", token, *([self.session] if self.session else [])],
            origin=self.url, additional_headers={"Cookie": f"_streamlit_xsrf={token}"}, max_size=None, proxy=None, open_timeout=60, close_timeout=5,
            ping_interval=None))
        self.rerun()

    def read(self, timeout: float) -> bool:
        """Take one message; whether one came."""
        try:
            message = ForwardMsg.FromString(self.socket.recv(timeout=max(0.0, timeout)))
        except TimeoutError:
            return False
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.fragments, self.runs = list(message.metadata.run.fragment_ids), self.runs + 1
            self.session = message.new_session.initialize.session_id
            if not self.fragments:
                self.page, self.timers = message.new_session.page_script_hash, {}
        elif kind == "navigation":
            self.page = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            self.timers[message.auto_rerun.fragment_id] = [message.auto_rerun.interval, time.monotonic() + message.auto_rerun.interval]
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self.timers.pop(fragment, None)
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self.draw(tuple(message.metadata.delta_path), message.delta)
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_transient":   # what stands there while a script waits
            self.told = next((one.spinner.text for one in message.delta.new_transient.elements), self.told)
        elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            self.elements = {path: one for path, one in self.elements.items()
                             if one[3] == self.runs or (self.fragments and one[2] not in self.fragments)}
            self.finished += not self.fragments
        return True

    def draw(self, path: tuple, delta: Any) -> None:
        kind = delta.new_element.WhichOneof("type")
        proto = getattr(delta.new_element, kind) if kind else None
        self.elements[path] = kind, proto, delta.fragment_id, self.runs
        self.told = proto.text if kind == "progress" else self.told   # what a visitor who waits reads
        if kind == "exception":
            self.faults.append(f"{proto.type}: {proto.message}")
        if kind in VALUES and (proto.id not in self.states or getattr(proto, "set_value", False)):
            self.states.pop(proto.id, None)
            if value := VALUES[kind](proto):
                self.states[proto.id] = state(proto.id, *value)

    def widgets(self) -> dict[str, tuple[str, Any]]:
        """Kind and description of all that can be used, by key."""
        return {re.sub(r"^\$\$ID-\w+-", "", proto.id): (kind, proto) for kind, proto, _, _ in self.elements.values()
                if kind in (*VALUES, "button") and not proto.disabled}

    def text(self) -> str:
        said = ("body", "label", "text")
        return "\n".join(str(getattr(proto, name)) for _, proto, _, _ in self.elements.values() for name in said if getattr(proto, name, ""))

    def send(self, *changed: WidgetState, fragment: str = "") -> None:
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string, asked.page_script_hash, asked.fragment_id, asked.is_auto_rerun = self.query, self.page, fragment, bool(fragment)
        if not self.page:
            asked.page_name = self.path
        for one in changed:
            if one.WhichOneof("value") != "trigger_value":
                self.states[one.id] = one
        asked.widget_states.widgets.extend({**self.states, **{one.id: one for one in changed}}.values())
        asked.context_info.timezone, asked.context_info.locale, asked.context_info.url = "UTC", "en-US", f"{self.url}/{self.path}"
        self.socket.send(message.SerializeToString())

    def rerun(self, *changed: WidgetState, timeout: float = 0) -> None:
        """Ask for a run of the whole page, and wait for its end."""
        timeout = timeout or self.patience
        before, end, self.told = self.finished, time.monotonic() + timeout, ""
        self.send(*changed)
        while self.finished == before:
            if not self.read(end - time.monotonic()):
                raise TimeoutError(f"no end of the run within {timeout:g} s, and the page said {self.told!r}   at {self.path}?{self.query}")

    def press(self, key: str) -> None:
        self.rerun(state(self.widgets()[key][1].id, "trigger_value", True))

    def watch(self, seconds: float) -> None:
        """Look at the page, whose clock asks for one more slice of work at every tick."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            for fragment, timer in self.timers.items():
                if timer[1] <= now:
                    timer[1] = now + timer[0]
                    self.send(fragment=fragment)
            self.read(min([end, *(due for _, due in self.timers.values())]) - time.monotonic())

    def vanish(self) -> None:
        """The connection is lost: no word of farewell."""
        self.socket.socket.close()
        with suppress(Exception):
            self.open.close()


def state(widget: str, field: str, value: Any) -> WidgetState:
    made = WidgetState(id=widget)
    if field.endswith("array_value"):
        getattr(made, field).data.extend(value)
    else:
        setattr(made, field, value)
    return made


def _chosen(proto: Any) -> tuple | None:
    if getattr(proto, "set_value", False):
        return ("string_value", proto.raw_value) if proto.HasField("raw_value") else None
    return ("string_value", proto.options[proto.default]) if proto.HasField("default") and proto.options else None


VALUES = {   # what a browser holds of a widget once it is drawn: field and value
    "slider": lambda p: ("string_array_value", list(p.raw_value) if p.set_value else [p.options[int(i)] for i in p.default])
    if p.type == p.SELECT_SLIDER else ("double_array_value", list(p.value) if p.set_value else list(p.default)),
    "number_input": lambda p: ("double_value", p.value if p.set_value else p.default),
    "checkbox": lambda p: ("bool_value", p.value if p.set_value else p.default),
    "selectbox": _chosen, "radio": _chosen,
    "text_input": lambda p: ("string_value", p.value if p.set_value else p.default),
    "button_group": lambda p: ("string_array_value", list(p.raw_values) if p.set_value else [p.options[i].content for i in p.default]),
    "multiselect": lambda p: ("string_array_value", list(p.raw_values) if p.set_value else [p.options[i] for i in p.default]),
}  # fmt: skip
