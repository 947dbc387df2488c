"""A bounded memory of what was encoded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class TextCache(Generic[Value]):
    """The results for the texts that were used last. Thread-safe.

    :param max_bytes: How much memory the results may take, at least 0; 0 remembers nothing.
    :param size_of: The size of a result in bytes.
    """

    def __init__(self, max_bytes: int, size_of: Callable[[Value], int]) -> None:
        self._max_bytes = max_bytes
        self._size_of = size_of
        self._bytes = 0
        self._results: OrderedDict[str, Value] = OrderedDict()
        self._lock = Lock()

    def get(self, texts: Sequence[str], compute: Callable[[list[str]], Sequence[Value]]) -> list[Value]:
        """The results for texts, of which only the unknown ones are computed, each once.

        :param texts: The texts, with or without repetition.
        :param compute: Results for different texts, in their order. Runs outside the lock.
        """
        found = self._known(texts)
        unknown = [text for text in dict.fromkeys(texts) if text not in found]
        if unknown:
            computed = dict(zip(unknown, compute(unknown), strict=True))
            self._remember(computed)
            found |= computed
        return [found[text] for text in texts]

    def _known(self, texts: Sequence[str]) -> dict[str, Value]:
        with self._lock:
            found = {text: self._results[text] for text in texts if text in self._results}
            for text in found:
                self._results.move_to_end(text)
        return found

    def _remember(self, computed: dict[str, Value]) -> None:
        with self._lock:
            for text, result in computed.items():
                size = self._size(text, result)
                if size > self._max_bytes or text in self._results:
                    continue
                self._results[text] = result
                self._bytes += size
            while self._bytes > self._max_bytes:
                self._bytes -= self._size(*self._results.popitem(last=False))

    def _size(self, text: str, result: Value) -> int:
        return len(text.encode("utf-8", "replace")) + self._size_of(result)
