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

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from ehrxqa.doors import PYTHON, load_named, load_python, names
from ehrxqa.errors import SettingsError
from ehrxqa.layout import DATABASE_PATHS, MODELS_FOLDER
from ehrxqa.net.consent import Ask
from ehrxqa.vqa.image_labels import ImageLabels
from ehrxqa.vqa.models import VqaModel
from ehrxqa.vqa.vocabulary import DEFAULT_VOCABULARY, Vocabulary

if TYPE_CHECKING:
    from ehrxqa.vqa.images import ImageFiles

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


@dataclass(frozen=True)
class ModelContext:
    """What a model can be made from.

    Attributes:
        spec: The whole text that names it.
        argument: What stands behind the name, without the colon.
        database: The integrated database the studies come from.
        labels: Its labels, if they were read before.
        images: Folder of MIMIC-CXR-JPG.
        confirm_endpoint: Host to which the user allows sending.
        ask: Asked to confirm instead.
    """

    spec: str
    argument: str = ""
    database: Path | None = None
    labels: ImageLabels | None = None
    images: Path | None = None
    confirm_endpoint: str | None = None
    ask: Ask | None = None

    @property
    def vocabulary(self) -> Vocabulary:
        """The names that an answer may hold."""
        return DEFAULT_VOCABULARY if self.labels is None else self.labels.vocabulary

    @property
    def output_folder(self) -> Path | None:
        """The output folder that holds the database, if it lies where a build puts it."""
        if self.database is None:
            return None
        place = self.database.resolve()
        known = {(place.parents[2] / path) for path in DATABASE_PATHS.values()} if len(place.parents) > 2 else set()
        return place.parents[2] if place in known else None

    @property
    def synthetic(self) -> bool:
        """Whether the build says of itself that no real patient is in it; False where nothing says so."""
        from ehrxqa.runs.manifest import read_manifest

        folder = self.output_folder
        manifest = None if folder is None else read_manifest(folder)
        return manifest is not None and manifest.synthetic

    def image_files(self) -> ImageFiles:
        """Where the pictures of the database's studies are.

        Raises:
            SettingsError: No database or folder of images was given, or there is no such folder.
            BuildError: The database cannot be read.
        """
        if self.database is None or self.images is None:
            raise SettingsError(
                f'model "{self.spec}" looks at images and needs a database and the folder of images (--images)'
            )
        if not self.images.is_dir():
            raise SettingsError(f"{self.images}: no such folder of images")
        from ehrxqa.vqa.database_labels import studies_of_database
        from ehrxqa.vqa.images import ImageFiles

        subjects = {study: subject for study, (subject, _) in studies_of_database(self.database).items()}
        if self.labels is not None:  # images of a split need not be in the database
            subjects.update(zip(self.labels.study_ids, self.labels.subject_ids, strict=True))
        return ImageFiles(self.images, subjects)

    def labels_of_database(self) -> ImageLabels:
        """The labels of the database.

        Raises:
            SettingsError: No database was given.
            BuildError: It cannot be read.
        """
        if self.labels is not None:
            return self.labels
        if self.database is None:
            raise SettingsError(f'model "{self.spec}" answers from labels and needs a database')
        from ehrxqa.vqa.database_labels import labels_of_database

        return labels_of_database(self.database)


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
    made = _BUILDERS[name](context) if name in _BUILDERS else None
    if made is not None:
        return made
    value = None if name in _BUILDERS or not name else load_named(_GROUP, name)
    if value is not None:
        return _brought(value, context)
    folder = context.output_folder
    if folder is not None and name not in _BUILDERS and (folder / MODELS_FOLDER / name / "model.json").is_file():
        return _trained_in(folder / MODELS_FOLDER / name, context, argument)
    others = names(_GROUP)
    listed = ", ".join((*MODEL_SPECS, *others))
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


def _oracle(context: ModelContext) -> VqaModel | None:
    from ehrxqa.vqa.oracle import OracleModel

    return OracleModel(context.labels_of_database()) if not context.argument else None


def _recorded(context: ModelContext) -> VqaModel | None:
    from ehrxqa.vqa.recorded import RecordedModel

    return RecordedModel(context.argument, context.vocabulary) if context.argument else None


def _perturbed(context: ModelContext) -> VqaModel | None:
    from ehrxqa.vqa.perturbed import PerturbedModel

    if not context.argument:
        return None
    rate, *options = context.argument.split(":")
    values = _options(context.spec, options, {"seed"})
    try:
        number, seed = float(rate), int(values.get("seed", "0"))
    except ValueError as error:
        raise SettingsError(f'model "{context.spec}": expected perturbed:RATE[:seed=N] with numbers') from error
    return PerturbedModel(context.labels_of_database(), number, seed)


def _constant(context: ModelContext) -> VqaModel | None:
    from ehrxqa.vqa.constant import ConstantModel

    if not context.argument:
        return None
    said, _, elements = context.argument.partition(":")
    truths = {"yes": True, "no": False, "abstain": None}
    if said not in truths:
        raise SettingsError(f'model "{context.spec}": the constant is yes, no or abstain')
    return ConstantModel(truths[said], [element.strip() for element in elements.split(",") if element.strip()])


def _prior(context: ModelContext) -> VqaModel | None:
    from ehrxqa.vqa.prior import PriorModel, labels_for_prior

    path = Path(context.argument) if context.argument else context.output_folder or context.database
    if path is None:
        raise SettingsError('model "prior" counts the answers of train: name its folder, prior:OUT, or give a database')
    if not path.exists():
        raise SettingsError(f'model "{context.spec}": {path} is not there')
    if not context.argument and context.output_folder is None:
        raise SettingsError(f'model "prior" does not know the train split of {path}; name it: prior:OUT')
    return PriorModel(labels_for_prior(path))


def _scores(context: ModelContext) -> VqaModel | None:
    from ehrxqa.vqa.scores import ScoresModel

    if not context.argument:
        return None
    file, *options = context.argument.split(":")
    values = _options(context.spec, options, {"threshold"})
    try:
        threshold = float(values.get("threshold", "0.5"))
    except ValueError:
        threshold = -1.0
    if not 0 < threshold < 1:
        raise SettingsError(f'model "{context.spec}": the threshold is a number between 0 and 1')
    return ScoresModel(Path(file), context.vocabulary, threshold=threshold)


def _trained(context: ModelContext) -> VqaModel | None:
    if not context.argument:
        return None
    folder, *options = context.argument.split(":")
    return _trained_in(Path(folder), context, ":".join(options))


def _trained_in(folder: Path, context: ModelContext, argument: str) -> VqaModel:
    from ehrxqa.vqa.trained.model import TrainedModel

    values = _options(context.spec, _rejoined(argument.split(":") if argument else []), {"abstain", "device"})
    abstain = values.get("abstain")
    if abstain is not None and not abstain.isdecimal():
        raise SettingsError(f'model "{context.spec}": abstain is the penalty of a wrong answer, a whole number')
    return TrainedModel(
        folder,
        context.image_files(),
        abstain=None if abstain is None else int(abstain),
        device=values.get("device", "auto"),
    )


#: Keys of an endpoint → what they are.
_ENDPOINT_KEYS: Final = MappingProxyType(
    {
        "confirm": "host that may be sent to",
        "concurrency": "requests at a time",
        "limit": "most requests",
        "px": "longest side of a picture",
        "prompt": "file with a prompt template",
        "tokens": "longest reply",
    }
)


def _endpoint(context: ModelContext) -> VqaModel | None:
    from ehrxqa.net.endpoint import named_endpoint
    from ehrxqa.vqa.endpoint import EndpointModel, EndpointSettings, split_address
    from ehrxqa.vqa.prompts import DEFAULT_PROMPT, read_prompt

    url, model, values = split_address(context.argument, _ENDPOINT_KEYS)
    numbers = {}
    for key, usual in (("tokens", 256), ("px", 1024), ("concurrency", 4), ("limit", 0)):
        value = values.get(key, str(usual))
        if not value.isdecimal() or (key in values and int(value) < 1):
            raise SettingsError(f'model "{context.spec}": {key} is a whole number, at least 1')
        numbers[key] = int(value)
    return EndpointModel(
        named_endpoint(url),
        model,
        context.image_files(),
        settings=EndpointSettings(
            numbers["tokens"],
            numbers["px"],
            numbers["concurrency"],
            numbers["limit"] or None,
            read_prompt(Path(values["prompt"])) if "prompt" in values else DEFAULT_PROMPT,
        ),
        vocabulary=context.vocabulary,
        synthetic=context.synthetic,
        confirmed=values.get("confirm") or context.confirm_endpoint,
        ask=context.ask,
    )


def _transformers(context: ModelContext) -> VqaModel | None:
    if not context.argument:
        return None
    spec, images = context.spec, context.image_files()
    from ehrxqa.vqa.huggingface import DTYPES, HuggingFaceModel, Loading
    from ehrxqa.vqa.prompts import DEFAULT_PROMPT, read_prompt

    location, *options = context.argument.split(":")
    values = _options(spec, _rejoined(options), {"device", "dtype", "code", "batch", "tokens", "prompt"})
    try:
        batch, tokens = int(values.get("batch", "8")), int(values.get("tokens", "64"))
    except ValueError as error:
        raise SettingsError(f'model "{spec}": batch and tokens are numbers') from error
    if batch < 1 or tokens < 1:
        raise SettingsError(f'model "{spec}": batch and tokens are at least 1')
    if values.get("dtype", "auto") not in DTYPES:
        raise SettingsError(f'model "{spec}": dtype is one of {", ".join(DTYPES)}')
    if values.get("code", "trusted") != "trusted":
        raise SettingsError(f'model "{spec}": code=trusted lets code that comes with the model run; leave it out else')
    return HuggingFaceModel(
        location,
        images,
        loading=Loading(
            spec.startswith("hub:"), values.get("device", "auto"), values.get("dtype", "auto"), "code" in values
        ),
        batch_size=batch,
        max_new_tokens=tokens,
        prompt=read_prompt(Path(values["prompt"])) if "prompt" in values else DEFAULT_PROMPT,
        vocabulary=context.vocabulary,
    )


#: Name → how the model is made; None where what stands behind the name makes no sense.
_BUILDERS: Final[MappingProxyType[str, Callable[[ModelContext], VqaModel | None]]] = MappingProxyType(
    {
        "oracle": _oracle,
        "perturbed": _perturbed,
        "constant": _constant,
        "recorded": _recorded,
        "prior": _prior,
        "labels": _scores,
        "trained": _trained,
        "endpoint": _endpoint,
        "hf": _transformers,
        "hub": _transformers,
    }
)


#: Names that no trained model can have.
BUILT_IN: Final = frozenset({*_BUILDERS, "python"})


def _rejoined(options: list[str]) -> list[str]:
    """`cuda:1` was split at its colon: put pieces without `=` back to the one before."""
    joined: list[str] = []
    for option in options:
        if "=" in option or not joined:
            joined.append(option)
        else:
            joined[-1] += ":" + option
    return joined


def _options(spec: str, options: list[str], known: set[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or key not in known or key in values or not value:
            raise SettingsError(
                f'model "{spec}": "{option}" is not one of {", ".join(sorted(known))}, each once, as key=value'
            )
        values[key] = value
    return values
