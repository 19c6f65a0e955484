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
