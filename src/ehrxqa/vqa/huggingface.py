"""A vision-language model of the `transformers` library.

Any model that transformers loads as image-text-to-text works: it gets the picture and a prompt, and its words are
read by the rules of `reading`. Answers are made without sampling, so that they repeat; the confidence is the
probability of the words that were said. The extra `vqa` installs what is needed. Nothing is fetched from the network
unless the caller asks for a hub model, and code that comes with a model runs only if the caller says so.
"""

from __future__ import annotations

import hashlib
import importlib
import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ehrxqa.errors import SettingsError, VqaError
from ehrxqa.files import sha256_of
from ehrxqa.vqa.image_paths import ImageFiles
from ehrxqa.vqa.models import ABSTAIN, VqaReply, VqaRequest
from ehrxqa.vqa.prompts import DEFAULT_PROMPT, PromptTemplate
from ehrxqa.vqa.reading import read_reply
from ehrxqa.vqa.vocabulary import DEFAULT_VOCABULARY, Vocabulary

__all__ = ["DTYPES", "HuggingFaceModel", "Loading"]

#: Number formats of weights; `auto`: as they were saved.
DTYPES: Final = ("auto", "float32", "float16", "bfloat16")
_MOST_SAID: Final = 300
#: What processors and models raise on what they do not like.
_FAULTS: Final = (ValueError, TypeError, RuntimeError, KeyError, IndexError, AttributeError, ImportError, OSError)
#: Decoded pictures that are kept: questions come image by image.
_PICTURES_KEPT: Final = 16


@dataclass(frozen=True)
class Loading:
    """How a model is loaded.

    Attributes:
        hub: Whether its name is one on the Hugging Face hub; only then is the network used.
        device: `auto` (a GPU if there is one), `cpu`, `cuda`, `cuda:1`, `mps`; or `map`: spread over all devices by
            accelerate.
        dtype: One of `DTYPES`.
        trust_code: Whether code that comes with the model may run.
    """

    hub: bool = False
    device: str = "auto"
    dtype: str = "auto"
    trust_code: bool = False


class HuggingFaceModel:
    """Asks a transformers model about image files.

    Args:
        location: Folder in which the model was saved, or with `loading.hub` its name `OWNER/NAME[@REVISION]`.
        images: Where the pictures are.
        loading: How it is loaded.
        batch_size: Pictures at once; smaller needs less memory.
        max_new_tokens: Longest answer, in tokens.
        prompt: Template of the prompt.
        vocabulary: Names that an answer may hold.

    Attributes:
        unread: Answers whose words could not be read.

    Raises:
        SettingsError: transformers or torch are not installed, the folder or device does not exist.
        VqaError: The model cannot be loaded.
    """

    name: str
    batch_size: int

    def __init__(
        self,
        location: str,
        images: ImageFiles,
        *,
        loading: Loading = Loading(),
        batch_size: int = 8,
        max_new_tokens: int = 64,
        prompt: PromptTemplate = DEFAULT_PROMPT,
        vocabulary: Vocabulary = DEFAULT_VOCABULARY,
    ) -> None:
        hub = loading.hub
        self._torch, transformers = _required()
        if not hub and not Path(location).is_dir():
            raise SettingsError(
                f"{location}: no such folder of a saved model (write hub:{location} to fetch it from the hub)"
            )
        path, _, revision = location.partition("@") if hub else (location, "", "")
        self.name = f"{'hub' if hub else 'hf'}:{path if hub else Path(path).resolve().name}"
        self.batch_size, self.unread = batch_size, 0
        self._images, self._prompt, self._vocabulary = images, prompt, vocabulary
        self._max_new_tokens = max_new_tokens
        self._pictures: OrderedDict[Path, Any] = OrderedDict()
        self._nested: bool | None = None
        try:
            self._processor, self._model = self._loaded(transformers, path, revision, loading)
        except _FAULTS as error:
            raise VqaError(f"{location}: the model cannot be loaded ({_said(error)})") from error
        tokenizer = getattr(self._processor, "tokenizer", self._processor)
        if not self._model.config.is_encoder_decoder:
            tokenizer.padding_side = "left"  # a decoder goes on from the end of the prompt
            if tokenizer.pad_token is None:
                tokenizer.pad_token = tokenizer.eos_token
        self._ends = {tokenizer.pad_token_id, tokenizer.eos_token_id} - {None}
        weights = _digest(Path(path)) if not hub else str(getattr(self._model.config, "_commit_hash", revision))
        dtype = "" if loading.dtype == "auto" else f"\n{loading.dtype}"
        asked = hashlib.sha256(f"{prompt.text}\n{max_new_tokens}{dtype}".encode()).hexdigest()[:8]
        self._version = f"{weights}:{asked}"

    def _loaded(self, transformers: Any, path: str, revision: str, loading: Loading) -> tuple[Any, Any]:
        """The processor and the model, on its device."""
        torch = self._torch
        source: dict[str, Any] = {"local_files_only": not loading.hub}
        if revision:
            source["revision"] = revision
        if loading.trust_code:
            source["trust_remote_code"] = True
        processor = transformers.AutoProcessor.from_pretrained(path, **source)
        dtype = loading.dtype if loading.dtype == "auto" else getattr(torch, loading.dtype)
        if loading.device == "map":
            source["device_map"] = "auto"
        model = transformers.AutoModelForImageTextToText.from_pretrained(path, torch_dtype=dtype, **source)
        if loading.device != "map":
            auto = "cuda" if torch.cuda.is_available() else "cpu"
            model = model.to(torch.device(auto if loading.device == "auto" else loading.device))
        return processor, model.eval()

    @property
    def version(self) -> str:
        """Digest of the weights (for the hub, the commit), of the prompt and of the number format."""
        return self._version

    def answer(self, requests: Sequence[VqaRequest]) -> list[VqaReply]:
        """The model's answers, `batch_size` pictures at a time.

        Raises:
            VqaError: A study is unknown, its image is missing or damaged, or the model or its processor fails; names
                the study and the reason.
        """
        replies: list[VqaReply] = []
        for start in range(0, len(requests), self.batch_size):
            batch = requests[start : start + self.batch_size]
            for request, (words, confidence) in zip(batch, self._words(batch), strict=True):
                answer = read_reply(words, request, self._vocabulary)
                self.unread += answer is ABSTAIN
                replies.append(VqaReply(answer, confidence))
        return replies

    def _words(self, batch: Sequence[VqaRequest]) -> list[tuple[str, float | None]]:
        """What the model says to each request, and how probable it finds its own words."""
        pictures = [self._picture(request) for request in batch]
        try:
            prompts = [self._chat(self._prompt.fill(request, self._vocabulary)) for request in batch]
            inputs = self._inputs(pictures, prompts).to(self._model.device, self._model.dtype)
            with self._torch.inference_mode():
                made = self._model.generate(
                    **inputs,
                    max_new_tokens=self._max_new_tokens,
                    do_sample=False,
                    return_dict_in_generate=True,
                    output_scores=True,
                )
            return list(zip(self._texts(made.sequences, inputs), self._confidences(made), strict=True))
        except _FAULTS as error:
            raise VqaError(
                f"study {batch[0].study_id}: {self.name} fails on {len(batch)} pictures ({_said(error)})"
            ) from error

    def _inputs(self, pictures: list[Any], prompts: list[str]) -> Any:
        """What the model reads. Processors of some models want a list of pictures for each prompt, others refuse it."""
        forms = (True, False) if self._nested is None else (self._nested,)
        fault: Exception | None = None
        for nested in forms:
            images = [[picture] for picture in pictures] if nested else pictures
            try:
                inputs = self._processor(images=images, text=prompts, return_tensors="pt", padding=True)
            except _FAULTS as error:
                fault = fault or error
                continue
            if len(inputs["input_ids"]) == len(prompts):
                self._nested = nested
                return inputs
        raise fault or ValueError("the processor makes another number of inputs than it was given")

    def _texts(self, tokens: Any, inputs: Any) -> list[str]:
        """The words after the prompt."""
        asked = inputs["input_ids"]
        length = asked.shape[1]
        if tokens.shape[1] >= length and bool((tokens[:, :length] == asked).all()):
            return self._text(tokens[:, length:])  # models without a separate encoder repeat the prompt
        return [_after(said, prompt) for said, prompt in zip(self._text(tokens), self._text(asked), strict=True)]

    def _text(self, tokens: Any) -> list[str]:
        texts: list[str] = self._processor.batch_decode(tokens, skip_special_tokens=True)
        return texts

    def _confidences(self, made: Any) -> list[float | None]:
        """The probability of the words that were said, up to the end of each answer."""
        steps = getattr(made, "scores", None)
        if not steps:
            return [None] * len(made.sequences)
        said = made.sequences[:, -len(steps) :]
        logs = self._torch.stack([step.float().log_softmax(dim=-1) for step in steps], dim=1)
        each = logs.gather(2, said[:, :, None])[:, :, 0].tolist()
        confidences: list[float | None] = []
        for tokens, values in zip(said.tolist(), each, strict=True):
            total = 0.0
            for token, value in zip(tokens, values, strict=True):
                total += value
                if token in self._ends:
                    break
            confidences.append(min(1.0, math.exp(total)) if total == total else None)
        return confidences

    def _chat(self, prompt: str) -> str:
        """The prompt in the model's own conversation form, where it has one."""
        if not getattr(self._processor, "chat_template", None):
            return prompt
        content = [{"type": "image"}, {"type": "text", "text": prompt}]
        text: str = self._processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True
        )
        return text

    def _picture(self, request: VqaRequest) -> Any:
        from PIL import Image

        path = self._images.path(request)
        if path in self._pictures:
            self._pictures.move_to_end(path)
            return self._pictures[path]
        try:
            with Image.open(path) as opened:
                picture = opened.convert("RGB")
        except OSError as error:
            raise VqaError(f"study {request.study_id}: {path} is not a readable image") from error
        self._pictures[path] = picture
        if len(self._pictures) > _PICTURES_KEPT:
            self._pictures.popitem(last=False)
        return picture


def _required() -> tuple[Any, Any]:
    """The modules torch and transformers.

    Raises:
        SettingsError: One is not installed.
    """
    try:
        return importlib.import_module("torch"), importlib.import_module("transformers")
    except ImportError as error:
        raise SettingsError(
            f"a transformers model needs the extra vqa ({error.name} is missing): pip install 'ehrxqa[vqa]'"
        ) from error


def _said(error: Exception) -> str:
    """An error of another library in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:_MOST_SAID] if text else type(error).__name__


def _after(said: str, prompt: str) -> str:
    """What follows the prompt, if the model repeats it with other marks at its ends; else all that was said."""
    place = said.find(prompt) if prompt else -1
    return said if place < 0 else said[place + len(prompt) :]


def _digest(folder: Path) -> str:
    """Digest of every file of a saved model."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder).as_posix()}:{sha256_of(path)}\n".encode())
    return digest.hexdigest()[:16]
