"""A sentence of the app, the condition under which it is said, and how it is checked."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """Either `check` tests what the sentence says, or `why_not` tells why it claims nothing: a definition, a question, an instruction."""

    when: str
    check: Callable | None = None
    why_not: str = ""

    def __post_init__(self):
        if bool(self.check) == bool(self.why_not):
            raise ValueError("a claim has a check, or a reason why it claims nothing")


def why(text: str) -> Claim:
    """A sentence that claims nothing, for this reason."""
    return Claim("always", why_not=text)


def full_name(check: Callable) -> str:
    """The name of a check with its file: files give their checks the same names."""
    return f"{check.__module__.rpartition('.')[2]}.{check.__name__}"


def checks_of(claims: dict[str, Claim], *more: Callable) -> list[Callable]:
    """Each check once, in one order on every run: pytest's workers have to collect the same tests."""
    return sorted({claim.check for claim in claims.values() if claim.check} | set(more), key=full_name)
