"""Dimension: one choice that may vary, between which bounds, and to what a user may fix it."""

from dataclasses import dataclass, replace

from space.errors import RequestError


@dataclass(frozen=True, slots=True)
class Integer:
    """Steps from `low` to `high`, both included."""

    name: str
    low: int
    high: int
    # What a user may fix it to, where that is less or more than a search would try.
    least: int | None = None
    most: int | None = None
    # Equal ratios are equal steps.
    log: bool = False

    def allows(self, value: "Value") -> bool:
        return isinstance(value, int) and self.low <= value <= self.high

    def fixed(self, text: str) -> "Integer":
        least = self.low if self.least is None else self.least
        most = self.high if self.most is None else self.most
        if not text.isdecimal() or not least <= int(text) <= most:
            raise RequestError(f"--fix {self.name}={text}: {self.name} is a whole number from {least} to {most}")
        return replace(self, low=int(text), high=int(text), log=False)


@dataclass(frozen=True, slots=True)
class Choice:
    name: str
    choices: tuple["Value", ...]
    # What a user may fix it to, beyond what a search would try.
    also: tuple["Value", ...] = ()

    def allows(self, value: "Value") -> bool:
        return value in self.choices

    def fixed(self, text: str) -> "Choice":
        known = {str(value): value for value in (*self.choices, *self.also)}
        if text not in known:
            raise RequestError(f"--fix {self.name}={text}: {self.name} is one of {', '.join(known)}")
        return Choice(self.name, (known[text],))


Dimension = Integer | Choice
Value = int | float | str
