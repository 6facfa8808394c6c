"""Vision-language models of a few numbers, built from configurations: nothing is fetched, every weight is random.

Silenced, a model finds all words as likely and says the first of its vocabulary, "yes"; else it says what its random
weights make of picture and prompt.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

WORDS = (
    *("yes", "<pad>", "<s>", "</s>", "<unk>", "no", "none", "is", "there", "picc"),
    *("user", "assistant", ":", "?", "."),
)
SMALL = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2, "num_hidden_layers": 2}


def tokenizer(transformers: Any, special: dict[str, str]) -> Any:
    """One token per known word; `special` maps attribute names to tokens."""
    import tokenizers

    words = [*WORDS, *special.values()]
    known = tokenizers.models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>")
    plain = tokenizers.Tokenizer(known)
    plain.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=plain, unk_token="<unk>", bos_token="<s>", eos_token="</s>", extra_special_tokens=special
    )


def chat(image: str) -> str:
    """A conversation form in which `image` stands for a picture."""
    return (
        "{% for message in messages %}user : {% for part in message['content'] %}{% if part['type'] == 'image' %}"
        + image
        + " {% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endfor %} assistant :"
    )


def saved(torch: Any, model: Any, folder: Path, silent: bool) -> None:
    """Save a model, silenced or as it is."""
    with torch.no_grad():
        if silent:
            model.get_output_embeddings().weight.zero_()
        else:  # a picture must make a difference that can be seen
            for value in model.parameters():
                value.mul_(8.0)
    model.save_pretrained(folder)


def gemma3(torch: Any, transformers: Any, folder: Path, *, silent: bool) -> None:
    """MedGemma's architecture."""
    special = {"image_token": "<image_soft_token>", "boi_token": "<start_of_image>", "eoi_token": "<end_of_image>"}
    known = tokenizer(transformers, special)
    pictures = transformers.Gemma3ImageProcessor(size={"height": 32, "width": 32})
    transformers.Gemma3Processor(
        pictures, known, chat_template=chat("<start_of_image>"), image_seq_length=4
    ).save_pretrained(folder)
    text = {**SMALL, "num_key_value_heads": 1, "head_dim": 8, "vocab_size": len(known), "tie_word_embeddings": False}
    number = known.convert_tokens_to_ids
    config = transformers.Gemma3Config(
        text_config={**text, "pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 3},
        vision_config={**SMALL, "image_size": 32, "patch_size": 8},
        mm_tokens_per_image=4,
        image_token_index=number("<image_soft_token>"),
        boi_token_index=number("<start_of_image>"),
        eoi_token_index=number("<end_of_image>"),
        tie_word_embeddings=False,
    )
    torch.manual_seed(0)
    saved(torch, transformers.Gemma3ForConditionalGeneration(config), folder, silent)


def qwen2_vl(torch: Any, transformers: Any, folder: Path, *, silent: bool) -> None:
    """Qwen2-VL."""
    special = {
        "image_token": "<|image_pad|>", "video_token": "<|video_pad|>",
        "vision_bos_token": "<|vision_start|>", "vision_eos_token": "<|vision_end|>",
    }  # fmt: skip
    known = tokenizer(transformers, special)
    number = known.convert_tokens_to_ids
    size = {"shortest_edge": 56 * 56, "longest_edge": 56 * 56}
    transformers.Qwen2VLProcessor(
        transformers.Qwen2VLImageProcessor(size=size),
        known,
        transformers.Qwen2VLVideoProcessor(size=size),
        chat_template=chat("<|vision_start|><|image_pad|><|vision_end|>"),
    ).save_pretrained(folder)
    config = transformers.Qwen2VLConfig(
        text_config={
            **SMALL, "num_key_value_heads": 1, "vocab_size": len(known), "tie_word_embeddings": False,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]},
            "pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 3,
        },
        vision_config={"depth": 1, "embed_dim": 16, "hidden_size": 16, "num_heads": 2, "mlp_ratio": 2},
        image_token_id=number("<|image_pad|>"),
        video_token_id=number("<|video_pad|>"),
        vision_start_token_id=number("<|vision_start|>"),
        vision_end_token_id=number("<|vision_end|>"),
        tie_word_embeddings=False,
    )  # fmt: skip
    torch.manual_seed(0)
    saved(torch, transformers.Qwen2VLForConditionalGeneration(config), folder, silent)


def idefics3(torch: Any, transformers: Any, folder: Path, *, silent: bool) -> None:
    """Idefics 3, the architecture of SmolVLM."""
    special = {
        "image_token": "<image>", "fake_image_token": "<fake_token_around_image>", "global_image_tag": "<global-img>",
        "end_of_utterance_token": "<end_of_utterance>",
    }  # fmt: skip
    known = tokenizer(transformers, special)
    number = known.convert_tokens_to_ids
    edge = {"longest_edge": 32}
    pictures = transformers.Idefics3ImageProcessor(size=edge, max_image_size=edge, do_image_splitting=False)
    transformers.Idefics3Processor(pictures, known, image_seq_len=4, chat_template=chat("<image>")).save_pretrained(
        folder
    )
    config = transformers.Idefics3Config(
        text_config={
            **SMALL, "model_type": "llama", "num_key_value_heads": 1, "vocab_size": len(known),
            "pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 3, "tie_word_embeddings": False,
        },
        vision_config={**SMALL, "image_size": 32, "patch_size": 8},
        image_token_id=number("<image>"),
        scale_factor=2,
        pad_token_id=1,
        tie_word_embeddings=False,
    )  # fmt: skip
    torch.manual_seed(0)
    saved(torch, transformers.Idefics3ForConditionalGeneration(config), folder, silent)


#: Name → what saves such a model into a folder.
ARCHITECTURES = {"gemma3": gemma3, "qwen2_vl": qwen2_vl, "idefics3": idefics3}
