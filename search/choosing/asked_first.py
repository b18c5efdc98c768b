"""Asked first: what a study asks for before its sampler: what was interrupted or ungated, then the first recipes."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from search.choosing.settled_recipes import KnownRecipes
from search.choosing.time_left import Pace
from search.settings.durations import spoken
from space.dimension import Value
from space.dimensions import recipe_of
from space.recipe import Recipe

Values = Mapping[str, Value]


class AskedFirst:
    def __init__(self, known: KnownRecipes, say: Callable[[str], None]) -> None:
        self._queue: deque[Values] = deque()
        self._known = known
        self._say = say
        # Ids of the recipes that were already said to be too long for the time left.
        self._said_too_long: set[str] = set()

    def add(self, values: Values) -> bool:
        """At the end; False where they are waiting already."""
        if values in self._queue:
            return False
        self._queue.append(values)
        return True

    def add_next(self, values: Values) -> None:
        self._queue.appendleft(values)

    def next(self, pace: Pace) -> Values | None:
        """The next one; those on their way in another study, and those too long for now, wait."""
        waiting: list[Values] = []
        too_long: list[Recipe] = []
        chosen = None
        while self._queue and chosen is None:
            values = self._queue.popleft()
            recipe = recipe_of(values)
            if self._known.for_good(recipe.id):
                continue
            if recipe.id in self._known:
                waiting.append(values)
            elif not pace.fits(recipe):
                waiting.append(values)
                too_long.append(recipe)
            else:
                chosen = values
        self._queue.extendleft(reversed(waiting))
        self._say_too_long([recipe for recipe in too_long if recipe.id not in self._said_too_long], pace)
        return chosen

    def _say_too_long(self, recipes: Sequence[Recipe], pace: Pace) -> None:
        if recipes:
            self._said_too_long.update(recipe.id for recipe in recipes)
            seconds = sorted(pace.seconds(recipe) for recipe in recipes)
            self._say(
                f"first recipes passed over, because they would not end before the deadline: {len(recipes)}, of "
                f"{spoken(seconds[0])} to {spoken(seconds[-1])} each; {spoken(max(pace.left_s, 0.0))} left"
            )
