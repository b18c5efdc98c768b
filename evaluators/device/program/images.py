"""Images as the host sends them, and the class that an answer says."""

from typing import Any

from evaluators.device.program.answers import ModelError, RequestRefused, one_line


def open_images(path: str) -> Any:
    import numpy

    try:
        images = numpy.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RequestRefused("images %s cannot be read: %s" % (path, one_line(error))) from None
    if images.dtype != numpy.uint8 or images.ndim != 4 or len(images) == 0:
        raise RequestRefused(
            "images %s are %s %s; uint8, N x channels x height x width is expected" % (path, images.dtype, images.shape)
        )
    return images


def predicted_class(scores: Any) -> int:
    if scores.ndim != 2 or scores.shape[0] != 1 or scores.shape[1] < 1:
        raise ModelError("its output is %s; [1, classes] is expected" % (list(scores.shape),))
    return int(scores.argmax())
