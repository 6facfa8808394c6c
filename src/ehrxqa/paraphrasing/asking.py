"""The wordings of many shapes, asked for in several threads; what an earlier run was told is not asked again."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Final

from ehrxqa.net.chat import ChatClient
from ehrxqa.paraphrasing.checks import clean, fault
from ehrxqa.paraphrasing.instructions import request_body, sentences
from ehrxqa.progress import Progress
from ehrxqa.runs.journal import Journal

__all__ = ["ATTEMPTS", "Asking"]

#: Requests for one shape, as long as none of its wordings passes.
ATTEMPTS: Final = 3


class Asking:
    """One run of asking.

    Attributes:
        requests: Requests that were answered.
        remembered: Requests whose reply the journal had.
        rejected: Reason → wordings that were refused.
    """

    def __init__(
        self, client: ChatClient, journal: Journal, model: str, temperature: float | None, seed: int | None
    ) -> None:
        self._client, self._journal = client, journal
        self._model, self._temperature, self._seed = model, temperature, seed
        self._lock = threading.Lock()
        self.requests = self.remembered = 0
        self.rejected: Counter[str] = Counter()

    def all(self, wanted: Mapping[str, int], threads: int, progress: Progress) -> dict[str, list[str]]:
        """Shape → its good wordings, perhaps none."""
        waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
        done: queue.SimpleQueue[tuple[str, list[str] | BaseException]] = queue.SimpleQueue()
        for shape in wanted:
            waiting.put(shape)

        def work() -> None:
            while not self._client.clock.cancelled:
                try:
                    shape = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    done.put((shape, self._wordings(shape, wanted[shape])))
                except BaseException as error:
                    done.put((shape, error))
                    return

        found: dict[str, list[str]] = {}
        with progress.task("paraphrases", len(wanted), "sentences") as task:
            try:
                # daemons, so that an interrupted run need not wait for a slow answer
                for _ in range(min(threads, len(wanted))):
                    threading.Thread(target=work, daemon=True).start()
                while len(found) < len(wanted):
                    shape, outcome = done.get()
                    if isinstance(outcome, BaseException):
                        raise outcome
                    found[shape] = outcome
                    task.advance()
            finally:
                self._client.clock.cancel()
        return found

    def _wordings(self, shape: str, number: int) -> list[str]:
        """The good wordings of a shape; asked again if there is none."""
        for attempt in range(ATTEMPTS):
            good: list[str] = []
            for reply in sentences(self._reply(shape, number, attempt), number) or [""]:
                text = clean(reply, shape)
                reason = fault(shape, text) if text not in good else "repeated"
                if reason is None:
                    good.append(text)
                else:
                    with self._lock:
                        self.rejected[reason] += 1
            if good:
                return good
        return []

    def _reply(self, shape: str, number: int, attempt: int) -> list[str]:
        identifier = f"{number} wordings, attempt {attempt}"
        with self._lock:
            kept = self._journal.finished(identifier, shape)
            if kept is not None:
                self.remembered += 1
                return list(kept["texts"])
        seed = None if self._seed is None else self._seed + attempt
        body = request_body(shape, model=self._model, wordings=number, temperature=self._temperature, seed=seed)
        texts = self._client.complete(body)
        with self._lock:
            self._journal.add(identifier, shape, {"texts": texts})
            self.requests += 1
        return texts
