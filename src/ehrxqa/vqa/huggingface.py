"""A vision-language model of the `transformers` library.

Any model that transformers loads as image-text-to-text works: it gets the picture and a prompt, and its words are
read by the rules of `prompts`. Answers are made without sampling, so that they repeat. The extra `vqa` installs what
is needed. Nothing is fetched from the network unless the caller asks for a hub model.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ehrxqa.errors import SettingsError, VqaError
from ehrxqa.files import sha256_of
from ehrxqa.vqa.images import ImageFiles
from ehrxqa.vqa.models import VqaAnswer, VqaRequest
from ehrxqa.vqa.prompts import DEFAULT_PROMPT, PromptTemplate
from ehrxqa.vqa.reading import read_reply
from ehrxqa.vqa.vocabulary import DEFAULT_VOCABULARY, Vocabulary

__all__ = ["HuggingFaceModel"]


class HuggingFaceModel:
    """Asks a transformers model about image files.

    Args:
        location: Folder in which the model was saved, or with `hub` its name `OWNER/NAME[@REVISION]`.
        images: Where the pictures are.
        hub: Whether `location` is a name on the Hugging Face hub; only then is the network used.
        device: `auto` (a GPU if there is one), `cpu`, `cuda`, `cuda:1`, `mps`.
        batch_size: Pictures at once; smaller needs less memory.
        max_new_tokens: Longest answer, in tokens.
        prompt: Template of the prompt.
        vocabulary: Names that an answer may hold.

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
        hub: bool = False,
        device: str = "auto",
        batch_size: int = 8,
        max_new_tokens: int = 64,
        prompt: PromptTemplate = DEFAULT_PROMPT,
        vocabulary: Vocabulary = DEFAULT_VOCABULARY,
    ) -> None:
        try:
            torch = importlib.import_module("torch")
            transformers = importlib.import_module("transformers")
        except ImportError as error:
            raise SettingsError(
                f"a transformers model needs the extra vqa ({error.name} is missing): pip install 'ehrxqa[vqa]'"
            ) from error
        if not hub and not Path(location).is_dir():
            raise SettingsError(
                f"{location}: no such folder of a saved model (write hub:{location} to fetch it from the hub)"
            )
        path, _, revision = location.partition("@") if hub else (location, "", "")
        self.name = f"{'hub' if hub else 'hf'}:{path if hub else Path(path).resolve().name}"
        self.batch_size = batch_size
        self._torch = torch
        self._images, self._prompt, self._vocabulary = images, prompt, vocabulary
        self._max_new_tokens = max_new_tokens
        source: dict[str, Any] = {"local_files_only": not hub}
        if revision:
            source["revision"] = revision
        try:
            self._device = torch.device(_auto(torch) if device == "auto" else device)
            self._processor = transformers.AutoProcessor.from_pretrained(path, **source)
            model = transformers.AutoModelForImageTextToText.from_pretrained(path, **source)
            self._model = model.to(self._device).eval()
        except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
            reason = " ".join(str(error).split())[:300]
            raise VqaError(f"{location}: the model cannot be loaded ({reason})") from error
        tokenizer = getattr(self._processor, "tokenizer", self._processor)
        if not self._model.config.is_encoder_decoder:
            tokenizer.padding_side = "left"  # a decoder goes on from the end of the prompt
            if tokenizer.pad_token is None:
                tokenizer.pad_token = tokenizer.eos_token
        weights = _digest(Path(path)) if not hub else str(getattr(self._model.config, "_commit_hash", revision))
        asked = hashlib.sha256(f"{prompt.text}\n{max_new_tokens}".encode()).hexdigest()[:8]
        self._version = f"{weights}:{asked}"

    @property
    def version(self) -> str:
        """Digest of the weights (for the hub, the commit) and of the prompt."""
        return self._version

    def answer(self, requests: Sequence[VqaRequest]) -> list[VqaAnswer]:
        """The model's answers, `batch_size` pictures at a time.

        Raises:
            VqaError: A study is unknown, or its image is missing or damaged; names the study.
        """
        answers: list[VqaAnswer] = []
        for start in range(0, len(requests), self.batch_size):
            batch = requests[start : start + self.batch_size]
            for request, words in zip(batch, self._words(batch), strict=True):
                answers.append(read_reply(words, request, self._vocabulary))
        return answers

    def _words(self, batch: Sequence[VqaRequest]) -> list[str]:
        pictures = [self._picture(request) for request in batch]
        prompts = [self._chat(self._prompt.fill(request, self._vocabulary)) for request in batch]
        inputs = self._processor(images=pictures, text=prompts, return_tensors="pt", padding=True).to(self._device)
        with self._torch.inference_mode():
            tokens = self._model.generate(**inputs, max_new_tokens=self._max_new_tokens, do_sample=False)
        asked = inputs["input_ids"]
        length = asked.shape[1]
        if tokens.shape[1] >= length and bool((tokens[:, :length] == asked).all()):
            return self._text(tokens[:, length:])  # models without a separate encoder repeat the prompt
        return [_after(said, prompt) for said, prompt in zip(self._text(tokens), self._text(asked), strict=True)]

    def _text(self, tokens: Any) -> list[str]:
        texts: list[str] = self._processor.batch_decode(tokens, skip_special_tokens=True)
        return texts

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
        try:
            with Image.open(path) as picture:
                return picture.convert("RGB")
        except OSError as error:
            raise VqaError(f"study {request.study_id}: {path} is not a readable image") from error


def _after(said: str, prompt: str) -> str:
    """What follows the prompt, if the model repeats it with other marks at its ends; else all that was said."""
    place = said.find(prompt) if prompt else -1
    return said if place < 0 else said[place + len(prompt) :]


def _auto(torch: Any) -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _digest(folder: Path) -> str:
    """Digest of every file of a saved model."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder).as_posix()}:{sha256_of(path)}\n".encode())
    return digest.hexdigest()[:16]
