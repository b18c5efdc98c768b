"""Requests: taken whole, or refused with the name of the field that does not fit."""

import json

import pytest

from evaluators.device import device
from evaluators.device.program.answers import RequestRefused
from evaluators.device.program.requests import checked_request

MEASURE = {
    "protocol": device.PROTOCOL_VERSION,
    "do": "measure",
    "model": "m.onnx",
    "images": "i.npy",
    "threads": 1,
    "spinning": False,
    "graph_optimization": "all",
    "runtime": "onnxruntime",
    "precision": 0.01,
    "limit_s": 1.0,
    "passes": 0,
    "mean": [0.5, 0.5, 0.5],
    "std": [0.2, 0.2, 0.2],
    "hopeless_above_s": None,
    "lock": "",
    "lock_wait_s": 600.0,
    "cool_below_c": None,
    "cool_limit_s": 300.0,
    "heartbeat_s": None,
}

OF_MODEL = ("model", "threads", "spinning", "graph_optimization", "runtime")
OF_MEASURE = ("precision", "limit_s", "passes", "hopeless_above_s")
LOOK = {
    **{key: value for key, value in MEASURE.items() if key not in {*OF_MODEL, *OF_MEASURE}},
    "do": "look",
    "models": [{key: MEASURE[key] for key in OF_MODEL}] * 2,
}


def as_line(**changes: object) -> bytes:
    return json.dumps({**MEASURE, **changes}).encode()


def test_a_whole_request_is_taken() -> None:
    assert checked_request(as_line()) == MEASURE
    assert checked_request(as_line(mean=None, std=None)) == {**MEASURE, "mean": None, "std": None}


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (b"hello", "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"[]", "object"),
        (as_line(protocol=0), "protocol"),
        (as_line(do="format the disk"), "format the disk"),
        (as_line(threads=0), "threads"),
        (as_line(threads=True), "threads"),
        (as_line(threads="2"), "threads"),
        (as_line(spinning=1), "spinning"),
        (as_line(model=""), "model"),
        (as_line(images=None), "images"),
        (as_line(precision=0), "precision"),
        (as_line(limit_s=float("nan")), "limit_s"),
        (as_line(limit_s=float("inf")), "limit_s"),
        (as_line(passes=-1), "passes"),
        (as_line(passes=1.5), "passes"),
        (as_line(std=[0.2, 0, 0.2]), "std"),
        (as_line(mean=[]), "mean"),
        (as_line(colour="red"), "colour"),
        (as_line(hopeless_above_s=-1), "hopeless_above_s"),
        (as_line(lock=None), "lock"),
        (as_line(lock="/tmp/\0"), "lock"),
        (as_line(lock_wait_s=float("inf")), "lock_wait_s"),
        (as_line(cool_below_c="60"), "cool_below_c"),
        (as_line(cool_limit_s=None), "cool_limit_s"),
        (as_line(heartbeat_s=0), "heartbeat_s"),
        (as_line(do="course"), "does not know: hopeless_above_s, limit_s, passes, precision"),
    ],
)
def test_a_request_that_is_not_ours_is_refused_by_name(line: bytes, named: str) -> None:
    with pytest.raises(RequestRefused, match=named):
        checked_request(line)


def test_a_look_names_at_most_a_hundred_models_each_whole() -> None:
    def line(*models: object) -> bytes:
        return json.dumps({**LOOK, "models": models}).encode()

    (model, _) = LOOK["models"]
    assert checked_request(line(model, model)) == LOOK
    for models in ((), (model,) * 101, ({**model, "threads": 0},), ({**model, "colour": "red"},), ({},), ("m.onnx",)):
        with pytest.raises(RequestRefused, match="models"):
            checked_request(line(*models))
