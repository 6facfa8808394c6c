"""Models by a short text, as given on the command line.

| text | model |
|---|---|
| `oracle` | the labels of the database |
| `perturbed:RATE[:seed=N]` | the oracle, wrong with probability RATE |
| `constant:yes`, `constant:no`, `constant:abstain` | always the same; lists are empty, or as in `constant:no:picc` |
| `recorded:FILE` | answers kept in a file |
| `prior[:OUT]` | the most frequent answer among the labelled images of the train split |
| `labels:FILE[:threshold=X]` | scores of findings per image, see `scores` |
| `hf:FOLDER[:key=value…]` | a transformers model saved in a folder |
| `hub:OWNER/NAME[@REVISION][:key=value…]` | a transformers model fetched from the Hugging Face hub |
| `endpoint:URL:MODEL[:key=value…]` | a model behind an OpenAI-compatible endpoint |
| `trained:FOLDER[:key=value…]` | a model that `ehrxqa vqa train` wrote |
| `NAME[:key=value…]` | the same, by its name in `OUT/models` |
| `python:MODULE:NAME[:ARGUMENT]` | what a Python module brings |
| `NAME[:ARGUMENT]` | what an installed package declares as entry point `ehrxqa.vision_models` |

Keys of `hf` and `hub`: `device` (auto, cpu, cuda, cuda:1 …, or map: spread over all by accelerate), `dtype` (auto,
float32, float16, bfloat16), `batch` (images at once), `tokens` (longest answer), `prompt` (file with a prompt template,
see `prompts`), `code=trusted` (let code that comes with the model run). Keys of `endpoint`: `confirm` (host that may be
sent to), `concurrency`, `limit` (most requests), `px` (longest side of a picture), `prompt`, `tokens`. Keys of trained
models: `abstain` (penalty of a wrong answer: abstain where that scores better), `device`.

What a module or package brings is a `VqaModel`, or a function (or class) that takes a `ModelContext` and gives one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ehrxqa.doors import PYTHON, load_named, load_python, names
from ehrxqa.errors import SettingsError
from ehrxqa.layout import MODELS_FOLDER
from ehrxqa.vqa.builders import BUILDERS, BUILT_IN, trained_in
from ehrxqa.vqa.context import ModelContext
from ehrxqa.vqa.image_labels import ImageLabels
from ehrxqa.vqa.models import VqaModel

if TYPE_CHECKING:
    from ehrxqa.net.consent import Ask

__all__ = ["ANSWERS_FROM_LABELS", "BUILT_IN", "MODEL_SPECS", "ModelContext", "make_model"]

#: The forms of a model text, for help and messages.
MODEL_SPECS: Final = (
    "oracle",
    "perturbed:RATE[:seed=N]",
    "constant:yes|no|abstain[:A,B]",
    "recorded:FILE",
    "prior[:OUT]",
    "labels:FILE[:threshold=X]",
    "hf:FOLDER[:device=…][:batch=N][:tokens=N][:prompt=FILE]",
    "hub:OWNER/NAME[@REVISION][:…]",
    "endpoint:URL:MODEL[:confirm=HOST][:…]",
    "trained:FOLDER[:abstain=N][:device=…]",
    "NAME of a model in OUT/models",
    "python:MODULE:NAME[:ARGUMENT]",
)

#: Models that answer from the labels of the database itself.
ANSWERS_FROM_LABELS: Final = frozenset({"oracle", "perturbed"})

_GROUP: Final = "ehrxqa.vision_models"


def make_model(
    spec: str | VqaModel,
    *,
    database: Path | str | None = None,
    labels: ImageLabels | None = None,
    images: Path | str | None = None,
    confirm_endpoint: str | None = None,
    ask: Ask | None = None,
) -> VqaModel:
    """The model that `spec` names; a model itself is given back.

    Args:
        spec: One of the forms in the table of this module, or a model.
        database: The integrated database the studies come from; for the oracle, the perturbed oracle and
            models that look at images.
        labels: Its labels, if they were read before.
        images: Folder of MIMIC-CXR-JPG, for models that look at images.
        confirm_endpoint: Host to which the user allows sending, for models behind an endpoint.
        ask: Asked to confirm instead, with what would be sent and the host; gives the host if the user agrees.

    Raises:
        SettingsError: The text is not understood, or what the model needs was not given.
        BuildError: The database cannot be read.
        RecordError: The file of recorded answers cannot be read.
        VqaError: A transformers model cannot be loaded.
    """
    if not isinstance(spec, str):
        if not isinstance(spec, VqaModel):
            raise SettingsError(f"{type(spec).__name__} is no vision model: it needs {_NEEDED}")
        return spec
    name, _, argument = spec.partition(":")
    context = ModelContext(
        spec,
        argument,
        None if database is None else Path(database),
        labels,
        None if images is None else Path(images),
        confirm_endpoint,
        ask,
    )
    if spec.startswith(PYTHON):
        place = ":".join(spec.split(":", 3)[:3])
        rest = spec[len(place) :].removeprefix(":")
        return _brought(load_python(place), replace(context, argument=rest))
    made = BUILDERS[name](context) if name in BUILDERS else None
    if made is not None:
        return made
    value = None if name in BUILDERS or not name else load_named(_GROUP, name)
    if value is not None:
        return _brought(value, context)
    folder = context.output_folder
    if folder is not None and name not in BUILDERS and (folder / MODELS_FOLDER / name / "model.json").is_file():
        return trained_in(folder / MODELS_FOLDER / name, context, argument)
    there = [] if folder is None else sorted(path.parent.name for path in (folder / MODELS_FOLDER).glob("*/model.json"))
    listed = ", ".join((*MODEL_SPECS, *names(_GROUP), *there))
    raise SettingsError(f'model "{spec}" is not one of: {listed}')


_NEEDED: Final = "name, version, batch_size and answer(requests)"


def _brought(value: Any, context: ModelContext) -> VqaModel:
    """The model that something of another package is or makes."""
    if isinstance(value, type) or not isinstance(value, VqaModel):
        if not callable(value):
            raise SettingsError(f'"{context.spec}" is neither a vision model nor a function that makes one')
        value = value(context)
    if not isinstance(value, VqaModel):
        raise SettingsError(
            f'"{context.spec}" gives {type(value).__name__}, which is no vision model: it needs {_NEEDED}'
        )
    return value
