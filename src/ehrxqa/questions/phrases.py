"""Verbs of events, in the forms that our own sentences need.

In a form `{}` is the event's name, `[e1]` the place of first or last, and `<a|b>` means a while the period asked about
goes on, and b when it is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["NO_VERB", "Verb", "active", "passive"]


@dataclass(frozen=True, slots=True)
class Verb:
    """What happens to a subject.

    Attributes:
        base, past, done: The forms of an active verb (undergo, underwent, undergone); of a passive one only `done`.
        rest: What follows.
        early: Whether a time stands best before that: “diagnosed in 2104 with anemia, unspecified”.
    """

    base: str
    past: str
    done: str
    rest: str
    early: bool = False

    def _rest(self, time: str) -> str:
        return f"{time} {self.rest}" if self.early else f"{self.rest} {time}"

    def ask(self, who: str, time: str = "[g1]") -> str:
        """⟨has⟩ patient 1 ⟨been⟩ prescribed x."""
        if self.base:
            return f"<has|did> {who} <{self.done}|{self.base}> {self._rest(time)}"
        return f"<has|was> {who} <been |>{self.done} {self._rest(time)}"

    def clause(self, who: str, time: str = "[g1]") -> str:
        """Patient 1 ⟨has been|was⟩ prescribed x."""
        if self.base:
            return f"{who} <has {self.done}|{self.past}> {self._rest(time)}"
        return f"{who} <has been|was> {self.done} {self._rest(time)}"

    def they(self, time: str = "[g1]") -> str:
        """⟨have been|were⟩ prescribed x."""
        return self.clause("", time).strip().replace("<has ", "<have ").replace("|was>", "|were>")

    def did(self, who: str, when: str = "[e1]", time: str = "[g1]") -> str:
        """Was patient 1 last prescribed x."""
        if self.base:
            return f"did {who} {when} {self.base} {self._rest(time)}"
        return f"was {who} {when} {self.done} {self._rest(time)}"

    def that(self, who: str, when: str = "[e1]", time: str = "[g1]") -> str:
        """Patient 1 was last prescribed x."""
        if self.base:
            return f"{who} {when} {self.past} {self._rest(time)}"
        return f"{who} was {when} {self.done} {self._rest(time)}"


NO_VERB: Final = Verb("", "", "", "")


def active(forms: str, rest: str) -> Verb:
    """A verb by its three forms."""
    base, past, done = forms.split()
    return Verb(base, past, done, rest)


def passive(done: str, rest: str, *, early: bool = False) -> Verb:
    """A verb in the passive voice."""
    return Verb("", "", done, rest, early)
