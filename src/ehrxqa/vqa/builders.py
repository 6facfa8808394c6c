"""How each model of the package is made from the text that names it; see `registry` for the texts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ehrxqa.errors import SettingsError
from ehrxqa.vqa.context import ModelContext, options_of, rejoined
from ehrxqa.vqa.models import VqaModel

__all__ = ["BUILDERS", "BUILT_IN", "trained_in"]


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
    values = options_of(context.spec, options, {"seed"})
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
    values = options_of(context.spec, options, {"threshold"})
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
    return trained_in(Path(folder), context, ":".join(options))


def trained_in(folder: Path, context: ModelContext, argument: str) -> VqaModel:
    """The trained model of a folder; `argument` holds its options.

    Raises:
        SettingsError: There is no such model, or an option makes no sense.
        VqaError: It is damaged.
    """
    from ehrxqa.vqa.trained.model import TrainedModel

    values = options_of(context.spec, rejoined(argument.split(":") if argument else []), {"abstain", "device"})
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
    values = options_of(spec, rejoined(options), {"device", "dtype", "code", "batch", "tokens", "prompt"})
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
BUILDERS: Final[MappingProxyType[str, Callable[[ModelContext], VqaModel | None]]] = MappingProxyType(
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
BUILT_IN: Final = frozenset({*BUILDERS, "python"})
