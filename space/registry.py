"""Registry: the members of one kind by name: our own, and those that installed packages bring as entry points."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from space.errors import RequestError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

Member = TypeVar("Member")


@dataclass(frozen=True, slots=True)
class Registry(Generic[Member]):
    """Nothing is imported before it is asked for by name; a child process reads the same members."""

    # What a person calls a member: "meter".
    noun: str
    # The group of the entry points that packages bring members with.
    group: str
    # Our own, in the order in which they are listed: "module:object".
    own: Mapping[str, str]
    # Whether a member says its name as well, which then has to be its entry point's.
    named: bool = True

    def names(self) -> tuple[str, ...]:
        return (*self.own, *self.added())

    def added(self) -> tuple[str, ...]:
        """The names of the members that packages bring."""
        return tuple(sorted({entry.name for entry in _entry_points(self.group)} - set(self.own)))

    def knows(self, name: str) -> bool:
        return name in self.own or name in self.added()

    def package(self, name: str) -> str | None:
        """What has to be installed for it, with its version; None for our own, and for what nothing here brings."""
        if name in self.own:
            return None
        packages = (entry.dist for entry in _entry_points(self.group) if entry.name == name)
        return next((f"{package.name} {package.version}" for package in packages if package), None)

    def get(self, name: str) -> Member:
        """RequestError names what is known, or the package at fault."""
        if name in self.own:
            module, _, attribute = self.own[name].partition(":")
            return cast(Member, getattr(import_module(module), attribute))
        entries = tuple(entry for entry in _entry_points(self.group) if entry.name == name)
        if not entries:
            known = ", ".join(self.names())
            raise RequestError(
                f"{self.noun} {name!r} is not known; known are {known}, and what packages bring as {self.group}"
            )
        entry, *others = entries
        if others:
            packages = ", ".join(sorted(entry_point.dist.name for entry_point in entries if entry_point.dist))
            raise RequestError(f"{self.noun} {name}: several packages bring it ({packages}); uninstall all but one")
        try:
            member = entry.load()
            called = member.name if self.named else name
        except (ImportError, AttributeError) as error:
            raise RequestError(f"{self.noun} {name}: the package that brings it cannot be used: {error}") from error
        if called != name:
            raise RequestError(
                f"{self.noun} {name}: the package that brings it calls it {called}; one of them is wrong"
            )
        return cast(Member, member)

    def find(self, name: str) -> Member | None:
        """None where the package that brought it is gone or cannot be used: what was found with it can be read."""
        try:
            return self.get(name)
        except RequestError:
            return None


def _entry_points(group: str) -> "EntryPoints":
    # It takes as long to load as all of the command line; who asks for one of our own does without.
    from importlib.metadata import entry_points

    return entry_points(group=group)
