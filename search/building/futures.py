"""Futures that were made for somebody who may have cancelled them meanwhile."""

from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def succeed(future: Future[T], result: T) -> None:
    if future.set_running_or_notify_cancel():
        future.set_result(result)


def fail(future: Future[T], error: BaseException) -> None:
    if future.set_running_or_notify_cancel():
        future.set_exception(error)
