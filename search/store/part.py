"""Part: what every part of the store stands on: the folder and the database in it."""

from pathlib import Path

from search.store.database import open_database


class Part:
    def __init__(self, folder: Path, storage: str | None = None) -> None:
        self.folder = folder
        self.url = storage or f"sqlite:///{folder.absolute() / 'search.db'}"
        self._database = open_database(self.url)

    @property
    def candidates(self) -> Path:
        """Where their files lie."""
        return self.folder / "candidates"

    @property
    def artifacts(self) -> Path:
        """Links to the candidates' files, for optuna-dashboard."""
        return self.folder / "artifacts"
