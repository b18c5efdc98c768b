"""Outlines: structures that were timed untrained, each with its recipe: what its latency is the latency of."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from evaluators.measurement import Figures
from search.store.frameworks import Frameworks, is_current, is_there
from search.store.part import lasting
from search.store.version import WITH_OUTLINES
from space.data.images import ImageShape
from space.recipe import Recipe

if TYPE_CHECKING:
    from search.store.write import Write


@dataclass(frozen=True, slots=True)
class Outline:
    """A structure that a trial has timed untrained, as text: its figures are kept with the structure."""

    recipe: str
    image: str

    @classmethod
    def of(cls, recipe: Recipe, image: ImageShape) -> "Outline":
        return cls(recipe.to_json(), _text(image))

    def put(self, write: "Write", structure_id: str, bench_id: str) -> None:
        from search.store.tables import OUTLINES

        values = {**asdict(self), "changed": write.number}
        write.put(OUTLINES, {"structure_id": structure_id, "bench_id": bench_id}, values, {"framework": ""})


class Outlines(Frameworks):
    """Outlines, kept by structure and bench, with the shape of the images that each was made for."""

    @lasting
    def add_look(self, latencies: Mapping[Recipe, float], bench_id: str, image: ImageShape, framework: str) -> None:
        """Latencies over the reference's, as a look found them in one runtime."""
        from search.store.tables import OUTLINES

        with self._writing() as write:
            for recipe, latency in latencies.items():
                values = {**asdict(Outline.of(recipe, image)), "latency": latency, "framework": framework}
                keys = {"structure_id": recipe.structure_id, "bench_id": bench_id}
                write.put(OUTLINES, keys, {**values, "changed": write.number})

    def outlines(self, bench_id: str, image: ImageShape) -> list[tuple[Recipe, float]]:
        """The outlines for images of this shape that were timed with the runtimes that the bench has now, with their
        latency over the reference's, the latest last; none in a store of an earlier version."""
        if self.version is None or self.version < WITH_OUTLINES:
            return []
        rows = self._database.rows(
            "SELECT o.recipe, o.latency, o.framework, s.figures FROM search_outlines o "
            "LEFT JOIN search_structures s ON s.structure_id = o.structure_id AND s.bench_id = o.bench_id "
            "WHERE o.bench_id = :bench_id AND o.image = :image ORDER BY o.changed, o.structure_id",
            {"bench_id": bench_id, "image": _text(image)},
        )
        frameworks = self.frameworks(bench_id)
        timed = []
        for text, latency, framework, content in rows:
            with self._reading("the outlines that were timed"):
                recipe, figures = Recipe.from_json(text), Figures.from_json(content) if content else None
            if figures is not None and is_current(figures, frameworks):
                timed.append((recipe, figures.relative_latency))
            elif latency is not None and is_there(framework, frameworks):
                timed.append((recipe, float(latency)))
        return timed

    def looks(self, bench_id: str, image: ImageShape) -> list[tuple[Recipe, float]]:
        """What looks alone found, whatever trials have timed since."""
        if self.version is None or self.version < WITH_OUTLINES:
            return []
        rows = self._database.rows(
            "SELECT recipe, latency, framework FROM search_outlines "
            "WHERE bench_id = :bench_id AND image = :image AND latency IS NOT NULL ORDER BY changed, structure_id",
            {"bench_id": bench_id, "image": _text(image)},
        )
        frameworks = self.frameworks(bench_id)
        with self._reading("the outlines that were looked at"):
            return [
                (Recipe.from_json(text), float(latency))
                for text, latency, framework in rows
                if is_there(framework, frameworks)
            ]

    def relative_latencies(self, bench_id: str) -> dict[str, float]:
        """What looks found, over the reference's, by the id of the structure, in the order in which they did."""
        if self.version is None or self.version < WITH_OUTLINES:
            return {}
        rows = self._database.rows(
            "SELECT structure_id, latency FROM search_outlines WHERE bench_id = :bench_id AND latency IS NOT NULL "
            "ORDER BY changed, structure_id",
            {"bench_id": bench_id},
        )
        return dict(rows)


def _text(image: ImageShape) -> str:
    return f"{image.channels}x{image.side}x{image.side}"
