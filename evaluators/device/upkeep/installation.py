"""Installation: an environment on a board that is being filled with runtimes, each tried there by a convolution."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from evaluators.device.on_board.last_words import last_line
from evaluators.device.upkeep import wheels
from evaluators.device.upkeep.probed_board import LeftOut, ProbedBoard, numbers
from evaluators.errors import DeviceError
from evaluators.runtimes.runtime import Release, Runtime

# Limits on the memory card of a Pi 3, each many times what it takes on a quiet one.
INSTALL_S = 1200.0
RUN_S = 120.0
SIGILL = -4
_ILLEGAL = "ends with an illegal instruction on this processor"
# What pip says where there is no such release, or none beside what else is asked for.
_NONE_SUCH = ("No matching distribution", "ResolutionImpossible")
_PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")

Say = Callable[[str], None]


class UnfitError(Exception):
    """This release, or every one of a runtime, cannot be had there; others may."""


@dataclass(frozen=True, slots=True)
class Installation:
    board: ProbedBoard
    environment: str
    has_network: bool
    say: Say

    @property
    def python(self) -> str:
        return f"{self.environment}/bin/python"

    async def fill(self, requirements: tuple[str, ...]) -> dict[str, LeftOut]:
        """Installs what `requirements` name and every runtime that can be had there; those that cannot, by their names.

        DeviceError where none can, and for any other fault.
        """
        board, address = self.board, self.board.address
        fitting: list[Runtime] = []
        left_out: dict[str, LeftOut] = {}
        for runtime in board.wanted:
            if runtime not in board.runtimes:
                self.say(f"{address}: no {runtime.title} is known for its Python; it is left out")
                continue
            try:
                # The runtimes before it need theirs: pip is to keep that.
                requirements = await self._add(runtime, fitting, requirements)
            except UnfitError as error:
                self.say(f"{address}: {error}; {runtime.title} is left out")
                left_out[runtime.name] = LeftOut.of(runtime, board.python, str(error))
            else:
                fitting.append(runtime)
        if not fitting:
            raise DeviceError(f"{address}: {'; '.join(each.reason for each in left_out.values())}")
        return left_out

    async def _add(self, runtime: Runtime, fitting: Sequence[Runtime], others: tuple[str, ...]) -> tuple[str, ...]:
        """The newest release that runs there, beside what the others require; all of these requirements."""
        releases, reasons = runtime.releases(self.board.python), []
        for place, release in enumerate(releases):
            requirements = (*release.requirements, *others)
            try:
                await self._install(release, requirements)
                # The runtimes before it are tried again: it may have brought another NumPy.
                for candidate in (runtime, *fitting):
                    await self._try(candidate)
            except UnfitError as error:
                reasons.append(str(error))
            else:
                return requirements
            # What is left of it would be found, and taken for a runtime that is there.
            await self._pip("uninstall", "--yes", release.distribution)
            if place + 1 < len(releases):
                self.say(f"{self.board.address}: {release} {reasons[-1]}; trying an older one")
        for candidate in fitting:
            try:
                await self._try(candidate)
            except UnfitError as error:
                raise DeviceError(f"{self.board.address}: beside {runtime.title} {candidate.title} {error}") from error
        if all(reason == _ILLEGAL for reason in reasons):
            raise UnfitError(
                f"every {runtime.title} for its Python {_ILLEGAL}, {releases[-1]} too; it needs a build of its own"
            )
        older = f"; {len(releases) - 1} older ones do not fit either" if releases[1:] else ""
        raise UnfitError(f"{releases[0]} {reasons[0]}{older}")

    async def _install(self, release: Release, requirements: tuple[str, ...]) -> None:
        board, wheels_there = self.board, f"{self.environment}/wheels"
        if self.has_network:
            self.say(f"{board.address}: installing {release} from its own network")
            await self._pip("install", "--only-binary=:all:", *requirements)
        else:
            self.say(f"{board.address}: it reaches no package index; fetching {release} here")
            await self._bring(requirements, wheels_there)
            offline = ("--no-index", f"--find-links={wheels_there}")
            await self._pip("install", "--only-binary=:all:", *offline, *requirements)

    async def _pip(self, *words: str) -> None:
        done = await self.board.shell.run(self.python, *_PIP[:2], words[0], *_PIP[2:], *words[1:], limit_s=INSTALL_S)
        if done.status == 0:
            return
        reason = last_line(done.stderr or done.stdout)
        if any(none_such in reason for none_such in _NONE_SUCH) and wheels.UNREACHED not in done.stderr:
            raise UnfitError(f"cannot be installed there ({reason})")
        raise DeviceError(f"{self.board.address}: pip {words[0]} failed: {reason}")

    async def _bring(self, requirements: tuple[str, ...], folder: str) -> None:
        board = self.board
        glibc = numbers(board.facts.get("glibc", "").removeprefix("glibc "))
        if glibc == (0, 0):
            raise DeviceError(f"{board.address}: it has no network, and no GNU C library that wheels are built for")
        target = wheels.Target(board.python, board.facts.get("machine", ""), glibc)
        with TemporaryDirectory() as downloads:
            try:
                files = await wheels.fetch(requirements, target, Path(downloads))
            except DeviceError as error:
                reason = f"it reaches no package index, and {error}; connect it, or this machine, to a network"
                if isinstance(error, wheels.NoWheelsError):
                    raise UnfitError(f"cannot be brought there ({reason})") from error
                raise DeviceError(f"{board.address}: {reason}") from error
            size = sum(file.stat().st_size for file in files)
            self.say(f"{board.address}: sending {len(files)} wheels, {size / 1e6:.0f} MB")
            for file in files:
                await board.shell.upload(file, f"{folder}/{file.name}")

    async def _try(self, runtime: Runtime) -> None:
        """Runs a convolution as for a measurement, in a clean environment."""
        board = self.board
        self.say(f"{board.address}: running a convolution by {runtime.title}")
        clean = ("env", "-i", f"HOME={board.facts['home']}", f"PATH={board.facts['path']}", "LANG=C.UTF-8")
        done = await board.shell.run(*clean, self.python, "-", input=runtime.probe.read_bytes(), limit_s=RUN_S)
        if done.status == SIGILL:
            raise UnfitError(_ILLEGAL)
        if done.status != 0:
            raise UnfitError(f"does not run there ({last_line(done.stderr)})")
