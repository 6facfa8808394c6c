"""Models by a short text, as given on the command line.

| text | model |
|---|---|
| `oracle` | the labels of the database |
| `perturbed:RATE[:seed=N]` | the oracle, wrong with probability RATE |
| `constant:yes`, `constant:no`, `constant:abstain` | always the same; lists are empty, or as in `constant:no:picc` |
| `recorded:FILE` | answers kept in a file |
| `hf:FOLDER[:key=value…]` | a transformers model saved in a folder |
| `hub:OWNER/NAME[@REVISION][:key=value…]` | a transformers model fetched from the Hugging Face hub |

Keys of the last two: `device` (auto, cpu, cuda, cuda:1 …), `batch` (images at once), `tokens` (longest answer),
`prompt` (file with a prompt template, see `prompts`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ehrxqa.errors import SettingsError
from ehrxqa.vqa.image_labels import ImageLabels
from ehrxqa.vqa.models import VqaModel
from ehrxqa.vqa.vocabulary import DEFAULT_VOCABULARY

__all__ = ["MODEL_SPECS", "make_model"]

#: The forms of a model text, for help and messages.
MODEL_SPECS = (
    "oracle",
    "perturbed:RATE[:seed=N]",
    "constant:yes|no|abstain[:A,B]",
    "recorded:FILE",
    "hf:FOLDER[:device=…][:batch=N][:tokens=N][:prompt=FILE]",
    "hub:OWNER/NAME[@REVISION][:…]",
)


def make_model(
    spec: str,
    *,
    database: Path | str | None = None,
    labels: ImageLabels | None = None,
    images: Path | str | None = None,
) -> VqaModel:
    """The model that `spec` names.

    Args:
        spec: One of the forms in the table of this module.
        database: The integrated database the studies come from; for the oracle, the perturbed oracle and
            models that look at images.
        labels: Its labels, if they were read before.
        images: Folder of MIMIC-CXR-JPG, for models that look at images.

    Raises:
        SettingsError: The text is not understood, or what the model needs was not given.
        BuildError: The database cannot be read.
        RecordError: The file of recorded answers cannot be read.
        VqaError: A transformers model cannot be loaded.
    """
    name, _, rest = spec.partition(":")
    match name:
        case "oracle" if not rest:
            from ehrxqa.vqa.oracle import OracleModel

            return OracleModel(_labels(spec, database, labels))
        case "perturbed" if rest:
            return _perturbed(spec, rest, lambda: _labels(spec, database, labels))
        case "constant" if rest:
            return _constant(spec, rest)
        case "recorded" if rest:
            from ehrxqa.vqa.recorded import RecordedModel

            vocabulary = DEFAULT_VOCABULARY if labels is None else labels.vocabulary
            return RecordedModel(rest, vocabulary)
        case "hf" | "hub" if rest:
            return _transformers(spec, name == "hub", rest, database, labels, images)
    raise SettingsError(f'model "{spec}" is not one of: {", ".join(MODEL_SPECS)}')


def _labels(spec: str, database: Path | str | None, labels: ImageLabels | None) -> ImageLabels:
    if labels is not None:
        return labels
    if database is None:
        raise SettingsError(f'model "{spec}" answers from labels and needs a database')
    from ehrxqa.vqa.database_labels import labels_of_database

    return labels_of_database(database)


def _perturbed(spec: str, rest: str, labels: Callable[[], ImageLabels]) -> VqaModel:
    from ehrxqa.vqa.perturbed import PerturbedModel

    rate, *options = rest.split(":")
    values = _options(spec, options, {"seed"})
    try:
        number, seed = float(rate), int(values.get("seed", "0"))
    except ValueError as error:
        raise SettingsError(f'model "{spec}": expected perturbed:RATE[:seed=N] with numbers') from error
    return PerturbedModel(labels(), number, seed)


def _constant(spec: str, rest: str) -> VqaModel:
    from ehrxqa.vqa.constant import ConstantModel

    said, _, elements = rest.partition(":")
    truths = {"yes": True, "no": False, "abstain": None}
    if said not in truths:
        raise SettingsError(f'model "{spec}": the constant is yes, no or abstain')
    return ConstantModel(truths[said], [element.strip() for element in elements.split(",") if element.strip()])


def _transformers(
    spec: str,
    hub: bool,
    rest: str,
    database: Path | str | None,
    labels: ImageLabels | None,
    images: Path | str | None,
) -> VqaModel:
    if database is None or images is None:
        raise SettingsError(f'model "{spec}" looks at images and needs a database and the folder of images (--images)')
    if not Path(images).is_dir():
        raise SettingsError(f"{images}: no such folder of images")
    from ehrxqa.vqa.database_labels import studies_of_database
    from ehrxqa.vqa.huggingface import HuggingFaceModel
    from ehrxqa.vqa.images import ImageFiles
    from ehrxqa.vqa.prompts import DEFAULT_PROMPT, read_prompt

    location, *options = rest.split(":")
    values = _options(spec, _rejoined(options), {"device", "batch", "tokens", "prompt"})
    try:
        batch, tokens = int(values.get("batch", "8")), int(values.get("tokens", "64"))
    except ValueError as error:
        raise SettingsError(f'model "{spec}": batch and tokens are numbers') from error
    if batch < 1 or tokens < 1:
        raise SettingsError(f'model "{spec}": batch and tokens are at least 1')
    subjects = {study: subject for study, (subject, _) in studies_of_database(database).items()}
    return HuggingFaceModel(
        location,
        ImageFiles(Path(images), subjects),
        hub=hub,
        device=values.get("device", "auto"),
        batch_size=batch,
        max_new_tokens=tokens,
        prompt=read_prompt(Path(values["prompt"])) if "prompt" in values else DEFAULT_PROMPT,
        vocabulary=DEFAULT_VOCABULARY if labels is None else labels.vocabulary,
    )


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
