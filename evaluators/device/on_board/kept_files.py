"""KeptFiles: which files lie on a board, least recently used first, and which have to go for the next one."""

from collections.abc import Collection, Mapping


class KeptFiles:
    def __init__(self, limit_bytes: int, sizes: Mapping[str, int]) -> None:
        """`sizes` in the order of their last use."""
        self._limit_bytes = limit_bytes
        self._sizes = dict(sizes)

    def holds(self, name: str, size: int) -> bool:
        """A file of another size is what a power cut left of it."""
        return self._sizes.get(name) == size

    def use(self, name: str, size: int) -> None:
        self._sizes.pop(name, None)
        self._sizes[name] = size

    def clear_for(self, size: int, keep: Collection[str]) -> list[str]:
        """Files to be taken off so that `size` more fits: the least recently used first, those to keep never."""
        total, removed = size + sum(self._sizes.values()), []
        for name in list(self._sizes):
            if total <= self._limit_bytes:
                break
            if name not in keep:
                total -= self._sizes.pop(name)
                removed.append(name)
        return removed
