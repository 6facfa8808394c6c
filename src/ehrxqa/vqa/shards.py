"""Image questions as shards: batches of pairs for one model, here, in a process of its own or on a worker of a cluster.

The batches are the same wherever they are answered, and so are the answers. A shard is a few batches, image by image,
so that a picture is decoded once; each worker opens the model once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ehrxqa.errors import SettingsError, VqaError
from ehrxqa.layout import LABELS_FOLDER
from ehrxqa.net.consent import Ask
from ehrxqa.progress import SILENT, Progress
from ehrxqa.runs.cluster import Cluster
from ehrxqa.runs.shards import ShardPool, require_same, shard_pool
from ehrxqa.vqa.image_labels import ImageLabels
from ehrxqa.vqa.image_paths import ImageFiles
from ehrxqa.vqa.models import VqaModel, VqaReply, VqaRequest, as_reply
from ehrxqa.vqa.registry import make_model

__all__ = ["Answered", "ModelFacts", "Opening", "VisionPool"]

#: Pairs put to a model at a time, whatever its batch size.
_MOST_AT_ONCE: Final = 1024
#: Pairs of a shard, at the least.
_SHARD: Final = 64
#: Models whose text names a file or folder behind their own name.
_WITH_PATH: Final = frozenset({"hf", "labels", "prior", "recorded", "trained"})


@dataclass(frozen=True)
class Opening:
    """What a model is opened from.

    Attributes:
        model: As a text (see `registry`), or a model.
        database: The integrated database.
        images: Folder of MIMIC-CXR-JPG.
        labels_of: Output folder and split whose labels it may need beyond those of the database.
        labels: These, if they were read before; they are not sent to workers.
        confirm_endpoint: Host to which the user allows sending.
        ask: Asked to confirm instead, in this process.
    """

    model: str | VqaModel
    database: Path
    images: Path | None = None
    labels_of: tuple[Path, str] | None = None
    labels: ImageLabels | None = None
    confirm_endpoint: str | None = None
    ask: Ask | None = None

    def read_labels(self) -> ImageLabels | None:
        """The labels beyond those of the database, if it needs some."""
        if self.labels is not None or self.labels_of is None:
            return self.labels
        from ehrxqa.vqa.split_labels import read_split_labels

        folder, split = self.labels_of
        return read_split_labels(folder / LABELS_FOLDER, split)

    @contextmanager
    def opened(self) -> Iterator[VqaModel]:
        """The model.

        Raises:
            EhrxqaError: It cannot be opened.
        """
        yield make_model(
            self.model,
            database=self.database,
            labels=self.read_labels(),
            images=self.images,
            confirm_endpoint=self.confirm_endpoint,
            ask=self.ask,
        )


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Who answers.

    Attributes:
        name, version: Of the model.
        batch_size: Pairs it takes at a time.
        answers_from_labels: Whether it does not look at pictures.
    """

    name: str
    version: str
    batch_size: int
    answers_from_labels: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a shard.

    Attributes:
        replies: To each pair, or why there is none.
        unread: Replies whose words could not be read, None if the model does not tell.
    """

    replies: tuple[VqaReply | str, ...]
    unread: int | None


@dataclass(frozen=True, slots=True)
class _Shard:
    """Batches for a model.

    Attributes:
        batches: Pairs.
        model: Who is to answer.
        files: Pictures with their bytes, where a worker must have the same.
    """

    batches: tuple[tuple[VqaRequest, ...], ...]
    model: ModelFacts
    files: tuple[tuple[Path, int], ...] = ()


class VisionPool:
    """One model, and who does its work.

    Args:
        opening: What it is opened from.
        workers: Processes; by default this one alone.
        cluster: Or a cluster.
        progress: Told what happens.

    Attributes:
        facts: Who answers.

    Raises:
        EhrxqaError: It cannot be opened.
    """

    def __init__(
        self, opening: Opening, workers: int | None = None, cluster: Cluster | None = None, progress: Progress = SILENT
    ) -> None:
        opened: Callable[[], AbstractContextManager[VqaModel]] = opening.opened
        needs: list[Path] = []
        self._files: ImageFiles | None = None
        workers = 1 if workers is None and cluster is None else workers
        self._alone = cluster is None and workers == 1
        if not self._alone:
            sent = replace(opening, labels=None, ask=None)
            if cluster is not None:
                sent = replace(sent, model=_there(opening.model, cluster))
                needs = [path for path in (opening.database, opening.images) if path is not None]
                if opening.labels_of is not None:
                    needs += sorted((opening.labels_of[0] / LABELS_FOLDER).glob("*"))
                self._files = _image_files(opening)
            opened = sent.opened
        self._pool: ShardPool = shard_pool(
            workers,
            cluster,
            opened=opened,
            needs=needs,
            gpu=True,
            progress=progress,
        )

    def __enter__(self) -> VisionPool:
        self._pool.__enter__()
        try:
            self.facts = next(self._pool.map(_facts_of, [None]))
        except BaseException as error:
            self._pool.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(self, *error: object) -> None:
        kind, value, trace = error
        self._pool.__exit__(kind, value, trace)  # type: ignore[arg-type]

    def answer(self, requests: Sequence[VqaRequest]) -> Iterator[Answered]:
        """Replies to pairs, shard by shard in the order of the pairs.

        Raises:
            SettingsError: A worker has another model, or lacks a picture that is here.
        """
        return self._pool.map(_answered, self._shards(requests))

    def _shards(self, requests: Sequence[VqaRequest]) -> Iterable[_Shard]:
        size = max(1, min(self.facts.batch_size, _MOST_AT_ONCE))
        batches = [tuple(requests[start : start + size]) for start in range(0, len(requests), size)]
        together = 1 if self._alone else -(-_SHARD // size)  # here, each batch is kept as it comes
        for start in range(0, len(batches), together):
            some = tuple(batches[start : start + together])
            yield _Shard(some, self.facts, self._pictures(some))

    def _pictures(self, batches: Iterable[Iterable[VqaRequest]]) -> tuple[tuple[Path, int], ...]:
        found: dict[Path, int] = {}
        if self._files is not None:
            for study, image in {(each.study_id, each.image_id): None for batch in batches for each in batch}:
                try:
                    path = self._files.find(study, image)
                except VqaError:  # nor need it be there
                    continue
                found[path] = path.stat().st_size
        return tuple(found.items())


def _image_files(opening: Opening) -> ImageFiles | None:
    if opening.images is None:
        return None
    from ehrxqa.vqa.context import ModelContext

    context = ModelContext("", database=opening.database, labels=opening.read_labels(), images=opening.images)
    return context.image_files()


def _there(model: str | VqaModel, cluster: Cluster) -> str | VqaModel:
    """A model's text with the paths that it has on the workers."""
    if not isinstance(model, str):
        return model
    name, _, rest = model.partition(":")
    if name not in _WITH_PATH or not rest:
        return model
    path, *options = rest.split(":")
    moved = [
        f"prompt={cluster.there(option.removeprefix('prompt='))}" if option.startswith("prompt=") else option
        for option in options
    ]
    return ":".join((name, cluster.there(path), *moved))


def _facts_of(model: VqaModel, _: None = None) -> ModelFacts:
    return ModelFacts(model.name, model.version, model.batch_size, bool(getattr(model, "answers_from_labels", False)))


def _answered(model: VqaModel, shard: _Shard) -> Answered:
    if (model.name, model.version) != (shard.model.name, shard.model.version):
        raise SettingsError(
            f"a worker has the model {model.name}, version {model.version}, not {shard.model.name}, "
            f"version {shard.model.version}"
        )
    require_same(shard.files)
    before = getattr(model, "unread", None)
    replies = tuple(reply for batch in shard.batches for reply in _replies(model, batch))
    after = getattr(model, "unread", None)
    return Answered(replies, None if after is None else after - (before or 0))


def _replies(model: VqaModel, batch: Sequence[VqaRequest]) -> Iterator[VqaReply | str]:
    """The replies to a batch; where the model fails on it, one by one, and why for those at fault."""
    try:
        replies = [as_reply(answer) for answer in model.answer(batch)]
        if len(replies) != len(batch):
            raise VqaError(f"the model {model.name} gave {len(replies)} answers to {len(batch)} questions")
    except VqaError as error:
        if len(batch) == 1:
            yield str(error)
        else:
            for request in batch:
                yield from _replies(model, [request])
        return
    yield from replies
