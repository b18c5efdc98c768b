"""Answers: what a worker sends back, looked at before any of it is stored."""

from pathlib import Path

from search.building.artifacts import DamagedError, trainings
from search.building.cluster.messages import Answer
from search.building.order import Order
from search.building.tasks import Built
from space.candidate import Candidate, is_whole
from space.errors import CandidateError
from space.workshop import manifest_name, trained_name


def kept(order: Order, answer: Answer, folder: Path) -> Built:
    """DamagedError, and nothing stored, where one of them is not what was sent, or not what was ordered."""
    for file in answer.files:
        file.check()
    name = manifest_name(order.recipe, order.baseline)
    manifest = next((file for file in answer.files if file.digest.name == name), None)
    if manifest is None:
        raise DamagedError(f"the answer of worker {answer.worker} has no manifest")
    candidates = folder / "candidates"
    try:
        candidate = Candidate.from_json(manifest.content.decode(), candidates)
    except ValueError as error:
        raise DamagedError(f"the manifest of worker {answer.worker} cannot be read ({error})") from error
    sent = {file.digest.name: file.digest.sha256 for file in answer.files}
    if candidate.recipe != order.recipe or sent.get(f"candidates/{candidate.file.name}") != candidate.sha256:
        raise DamagedError(f"the answer of worker {answer.worker} is not what was ordered")
    weights = [trained_name(recipe, order.baseline) for recipe in trainings(order.recipe)]
    others = sent.keys() - {manifest.digest.name, f"candidates/{candidate.file.name}", *weights}
    if others or candidate.file.parent != candidates or candidate.file.stem != Path(name).stem:
        named = ", ".join(sorted(others)) or candidate.file
        raise DamagedError(f"the answer of worker {answer.worker} has files of other orders: {named}")
    for file in answer.files:
        file.put(folder)
    if not is_whole(candidate):
        raise CandidateError(f"{candidate.file} is not the file that worker {answer.worker} has judged")
    return Built(candidate, answer.validation)
