"""What several visits do: find a run's button, be on a slow line, and ask what the console may say, where Streamlit looks for its base path."""

import re

from tests.conftest import ROOT

POLICY = re.search(r'Content-Security-Policy "([^"]+)"', (ROOT / ".streamlit" / "nginx.conf").read_text(encoding="utf-8"))[1]
HARMLESS = re.compile(r"_stcore/(health|host-config)|Failed to load resource")


def run_button(page, name: str):
    """*Start* or *Pause*: a reader hears its key too."""
    return page.get_by_role("button", name=f"{name} Shortcut S", exact=True)


def complaints(tab) -> list[str]:
    return [text for text in tab.complaints if not HARMLESS.search(text)]


def under_policy(visitor, url: str) -> set[str]:
    """Open a page as the proxy serves it; what its policy refuses is in the set that is given, as it happens."""
    page, refused = visitor.page, set()

    def with_policy(route):
        answer = route.fetch()
        route.fulfill(response=answer, headers={**answer.headers, "content-security-policy": POLICY})

    visitor.context.grant_permissions(["local-network-access"])   # to a page that was routed, its own server is a stranger
    page.route(lambda asked: asked.startswith(url.partition("?")[0]), with_policy)
    page.expose_function("refused", lambda what: refused.add(what))
    page.add_init_script("addEventListener('securitypolicyviolation', e => refused(`${e.effectiveDirective} ${e.blockedURI}`))")
    visitor.open(url)
    return refused


class Line:
    """A page's connection. While it is slow, the server's answers wait; a test that listens for one goes on when it is on its way."""

    def __init__(self, page):
        self.page, self.slow, self.asked, self.held = page, False, 0, []
        page.route_web_socket(re.compile("_stcore/stream"), self.opened)

    def opened(self, here) -> None:
        there = here.connect_to_server()

        def ask(said: bytes) -> None:
            self.asked += 1
            there.send(said)

        here.on_message(ask)
        there.on_message(lambda said: self.held.append((here, said)) if self.slow else here.send(said))

    def listen(self, until) -> None:
        """Until `until` gives something true."""
        while not until():
            self.page.evaluate("() => new Promise(requestAnimationFrame)")

    def catch_up(self) -> None:
        while self.held:
            here, said = self.held.pop(0)
            here.send(said)
        self.slow = False
