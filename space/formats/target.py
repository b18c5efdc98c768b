"""Target: the runtime that a file is made for, as far as recipes and the making of files go."""

from functools import cache
from typing import TYPE_CHECKING, Protocol

from space.formats.format import FORMATS, Format
from space.registry import Registry

if TYPE_CHECKING:
    from space.recipe import Recipe

# Fields of a recipe that say how a file is run; each is a setting of one runtime or another.
SETTINGS = ("threads", "spinning", "graph_optimization")


class Target(Protocol):
    """What `evaluators/runtimes/` runs; a package brings both as one object (`evaluators/runtimes/runtime.py`)."""

    @property
    def name(self) -> str:
        """Its name in recipes, requests and on the board; a word that could name a module of Python."""
        ...

    @property
    def title(self) -> str:
        """What a person calls it."""
        ...

    @property
    def format(self) -> str:
        """The files that it takes, by their name in FORMATS."""
        ...

    @property
    def settings(self) -> tuple[str, ...]:
        """The SETTINGS that it heeds; any other one stays at its default in a recipe."""
        ...


TARGETS: Registry[Target] = Registry(
    "runtime",
    "ondevice_search.runtimes",
    {"onnxruntime": "space.formats.onnx.target:ONNX_RUNTIME", "litert": "space.formats.tflite.target:LITERT"},
)


@cache
def target(name: str) -> Target:
    """The target of that name, which is kept: a sampler asks a thousand times a trial."""
    return TARGETS.get(name)


@cache
def title_of(runtime: str) -> str:
    """What a person calls it; its name, where the package that brought it is gone."""
    known = TARGETS.find(runtime)
    return known.title if known else runtime


@cache
def format_for(runtime: str) -> Format:
    return FORMATS.get(target(runtime).format)


@cache
def has_files(runtime: str, quantization: str) -> bool:
    """Whether the runtime takes files of this quantization; nobody can say of one whose package is gone."""
    known = TARGETS.find(runtime)
    return known is None or quantization in FORMATS.get(known.format).quantizations


def format_of(recipe: "Recipe") -> Format:
    """The format of the file that the recipe is deployed as."""
    return format_for(recipe.runtime)
