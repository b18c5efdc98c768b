"""Outlines: the recipe of each structure that was timed untrained: what its latency is the latency of."""

from evaluators.measurement import Figures
from search.store.frameworks import Frameworks, is_current
from search.store.version import WITH_OUTLINES
from space.data.images import ImageShape
from space.recipe import Recipe


class Outlines(Frameworks):
    """Kept by structure and bench, with the shape of the images that it was made for."""

    def add_outline(self, recipe: Recipe, bench_id: str, image: ImageShape) -> None:
        from search.store.tables import OUTLINES

        with self._writing() as write:
            keys = {"structure_id": recipe.structure_id, "bench_id": bench_id}
            write.put(OUTLINES, keys, {"image": _text(image), "recipe": recipe.to_json()})

    def outlines(self, bench_id: str, image: ImageShape) -> list[tuple[Recipe, Figures]]:
        """Those for images of this shape that were timed with the runtimes that the bench has now, the latest last;
        none in a store of an earlier version."""
        if self.version is None or self.version < WITH_OUTLINES:
            return []
        rows = self._database.rows(
            "SELECT o.recipe, s.figures FROM search_outlines o "
            "JOIN search_structures s ON s.structure_id = o.structure_id AND s.bench_id = o.bench_id "
            "WHERE o.bench_id = :bench_id AND o.image = :image ORDER BY s.changed, o.structure_id",
            {"bench_id": bench_id, "image": _text(image)},
        )
        frameworks = self.frameworks(bench_id)
        with self._reading("the outlines that were timed"):
            timed = [(Recipe.from_json(recipe), Figures.from_json(figures)) for recipe, figures in rows]
        return [(recipe, figures) for recipe, figures in timed if is_current(figures, frameworks)]


def _text(image: ImageShape) -> str:
    return f"{image.channels}x{image.side}x{image.side}"
