"""A transformers model, tiny and untrained, on made-up pictures; skipped where transformers is not installed."""

from __future__ import annotations

import sqlite3

import pytest
import tiny_models
from PIL import Image

from ehrxqa.errors import SettingsError, VqaError
from ehrxqa.layout import image_path
from ehrxqa.vqa import ABSTAIN, VqaRequest, parse
from ehrxqa.vqa.registry import make_model

transformers = pytest.importorskip("transformers", reason="needs the extra vqa (transformers)")
torch = pytest.importorskip("torch", reason="needs the extra vqa (torch)")

pytestmark = pytest.mark.filterwarnings("ignore")  # transformers warns of its own plans

WORDS = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "yes", "no", "none", "maybe", "picc", ",", "?", ".", ":"),
    *("is", "there", "question", "about", "this", "chest", "answer"),
)


def save_tiny_model(folder, said: str) -> None:
    """A BLIP captioner of a few numbers that always goes on with the word `said`."""
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.BlipConfig(
        text_config={
            **small,
            "vocab_size": len(WORDS),
            "encoder_hidden_size": 16,
            "max_position_embeddings": 128,
            "bos_token_id": WORDS.index("[DEC]"),
            "eos_token_id": WORDS.index("[SEP]"),
            "sep_token_id": WORDS.index("[SEP]"),
            "pad_token_id": 0,
        },
        vision_config={**small, "image_size": 32, "patch_size": 16},
        projection_dim=16,
    )
    torch.manual_seed(0)
    model = transformers.BlipForConditionalGeneration(config)
    with torch.no_grad():
        model.text_decoder.cls.predictions.bias.zero_()
        model.text_decoder.cls.predictions.bias[WORDS.index(said)] = 1000.0
    model.save_pretrained(folder)
    tokenizer = transformers.BertTokenizerFast.from_pretrained(str(folder))
    pictures = transformers.BlipImageProcessor(size={"height": 32, "width": 32})
    transformers.BlipProcessor(pictures, tokenizer).save_pretrained(folder)


CHAT = (
    "{% for message in messages %}USER: {% for part in message['content'] %}{% if part['type'] == 'image' %}<image> "
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %} ASSISTANT:{% endfor %}"
)


def save_tiny_chat_model(folder) -> None:
    """A LLaVA of a few numbers, which repeats the prompt and has a conversation form; always goes on with "yes"."""
    tokenizers = pytest.importorskip("tokenizers")
    words = ["yes", "<pad>", "<s>", "</s>", "<image>", "<unk>", "is", "there", "picc", "USER", "ASSISTANT", ":", "?"]
    small = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    known = tokenizers.models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>")
    tokenizer = tokenizers.Tokenizer(known)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=["<image>"],
    )
    size = {"height": 32, "width": 32}
    transformers.LlavaProcessor(
        transformers.CLIPImageProcessor(size=size, crop_size=size),
        fast,
        patch_size=16,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=CHAT,
    ).save_pretrained(folder)
    torch.manual_seed(0)
    model = transformers.LlavaForConditionalGeneration(
        transformers.LlavaConfig(
            vision_config=transformers.CLIPVisionConfig(
                **small, num_hidden_layers=2, image_size=32, patch_size=16, projection_dim=16
            ),
            text_config=transformers.LlamaConfig(
                **small,
                num_hidden_layers=1,
                num_key_value_heads=2,
                vocab_size=len(words),
                pad_token_id=1,
                bos_token_id=2,
                eos_token_id=3,
            ),
            image_token_index=4,
            image_token_id=4,
            vision_feature_layer=-1,
        )
    )
    with torch.no_grad():
        model.lm_head.weight.zero_()  # all words are as likely; the first is taken
    model.save_pretrained(folder)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A database of three studies, pictures for two of them, and three models."""
    folder = tmp_path_factory.mktemp("hf")
    with sqlite3.connect(folder / "x.db") as connection:
        connection.execute("CREATE TABLE tb_cxr (row_id, study_id, image_id, subject_id, viewposition)")
        rows = [(n, 50000000 + n, f"image-{n}", 10000000 + n, "pa") for n in range(4)]
        connection.executemany("INSERT INTO tb_cxr VALUES (?,?,?,?,?)", rows)
    connection.close()
    for number in range(2):
        path = folder / "files" / image_path(10000000 + number, 50000000 + number, f"image-{number}")
        path.parent.mkdir(parents=True)
        Image.new("L", (40 + number, 50), 90 * number).save(path)
    broken = folder / "files" / image_path(10000003, 50000003, "image-3")
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"no picture")
    for said in ("yes", "none", "maybe"):
        save_tiny_model(folder / said, said)
    save_tiny_chat_model(folder / "chat")
    return folder


def model(world, said, options=""):
    return make_model(f"hf:{world / said}:device=cpu:tokens=1{options}", database=world / "x.db", images=world)


def said_by(model, requests):
    return [reply.answer for reply in model.answer(requests)]


def ask(number, text):
    return VqaRequest(50000000 + number, f"image-{number}", parse(text), text)


def test_words_become_answers(world):
    asked = [ask(0, "is there picc?"), ask(1, "is there picc in the left lung?"), ask(0, "list all device.")]
    talking = model(world, "yes")
    assert said_by(talking, asked) == [True, True, ABSTAIN]  # "yes" is no list
    assert talking.unread == 1
    assert said_by(model(world, "none"), asked) == [ABSTAIN, ABSTAIN, ()]
    assert said_by(model(world, "maybe"), asked[:2]) == [ABSTAIN, ABSTAIN]
    assert all(reply.confidence > 0.99 for reply in talking.answer(asked))  # it is sure of its one word
    free = VqaRequest(50000000, "image-0", None, "is the heart enlarged?")
    assert said_by(talking, [free]) == [True]


def test_a_model_that_repeats_the_prompt_is_read_after_it(world):
    """Prompts of different length in one batch; the tokenizer has no padding of its own."""
    asked = [ask(0, "is there picc?"), ask(1, "is there picc in the left lung?"), ask(0, "list all device.")]
    assert said_by(model(world, "chat", ":batch=3"), asked) == [True, True, ABSTAIN]
    longer = make_model(f"hf:{world / 'chat'}:device=cpu:tokens=3", database=world / "x.db", images=world)
    assert said_by(longer, asked) == [True, True, ABSTAIN]


def test_batches_do_not_matter(world):
    asked = [
        ask(n % 2, text) for n, text in enumerate(["is there picc?", "list all device.", "is this patient male?"] * 2)
    ]
    assert said_by(model(world, "yes", ":batch=1"), asked) == said_by(model(world, "yes", ":batch=4"), asked)


def test_version_names_weights_and_prompt(world):
    prompt = world / "prompt.txt"
    prompt.write_text("{question}")
    models = [model(world, "yes"), model(world, "none"), model(world, "yes", f":prompt={prompt}"), model(world, "yes")]
    assert [m.name for m in models] == ["hf:yes", "hf:none", "hf:yes", "hf:yes"]
    assert models[0].version == models[3].version
    assert len({m.version for m in models}) == 3


def test_a_missing_or_broken_picture_names_its_study(world):
    with pytest.raises(VqaError, match="study 50000002 has no image file"):
        model(world, "yes").answer([ask(0, "is there picc?"), ask(2, "is there picc?")])
    with pytest.raises(VqaError, match=r"study 50000003: .* is not a readable image"):
        model(world, "yes").answer([ask(3, "is there picc?")])


@pytest.fixture(scope="module", params=sorted(tiny_models.ARCHITECTURES))
def architecture(request, world):
    """A folder with two models of an architecture: one that says yes, and one with random weights."""
    folder = world / request.param
    for silent in (True, False):
        tiny_models.ARCHITECTURES[request.param](torch, transformers, folder / f"silent-{silent}", silent=silent)
    return folder


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_every_architecture_answers_at_any_batch(world, architecture, batch):
    asked = [
        ask(n % 2, text)
        for n, text in enumerate(["is there picc?", "is there picc in the left lung?", "list all device."] * 3)
    ]
    silent = model(world, f"{architecture.name}/silent-True", f":batch={batch}")
    assert said_by(silent, asked) == [True, True, ABSTAIN] * 3
    random = model(world, f"{architecture.name}/silent-False", f":batch={batch}")
    alone = model(world, f"{architecture.name}/silent-False", ":batch=1")
    found = [reply.confidence for reply in random.answer(asked)]
    assert found == pytest.approx([alone.answer([one])[0].confidence for one in asked], rel=1e-2)
    assert len({round(confidence, 6) for confidence in found}) > 1  # pictures and prompts make a difference


def test_number_formats(world, architecture):
    asked = [ask(0, "is there picc?"), ask(1, "is there picc in the left lung?")]
    short = model(world, f"{architecture.name}/silent-True", ":dtype=bfloat16")
    assert said_by(short, asked) == [True, True]
    assert short.version != model(world, f"{architecture.name}/silent-True").version


def test_what_a_processor_does_not_like_is_told(world, architecture, monkeypatch):
    failing = model(world, f"{architecture.name}/silent-True")

    def refuse(**_):
        raise ValueError("pictures of that kind are not for me")

    monkeypatch.setattr(failing, "_processor", refuse)
    with pytest.raises(VqaError, match="study 50000000: .*ValueError: pictures of that kind"):
        failing.answer([ask(0, "is there picc?")])


def test_what_is_no_model_is_said(world, tmp_path):
    with pytest.raises(SettingsError, match="no such folder of a saved model"):
        make_model("hf:owner/name", database=world / "x.db", images=world)
    with pytest.raises(VqaError, match="cannot be loaded"):
        make_model(f"hf:{tmp_path}", database=world / "x.db", images=world)
    with pytest.raises(SettingsError, match="no such folder of images"):
        make_model(f"hf:{world / 'yes'}", database=world / "x.db", images=tmp_path / "none")
    for options in ("batch=0", "batch=x", "device=cpu:device=cpu", "speed=9", "dtype=int3", "code=mine"):
        with pytest.raises(SettingsError, match=options.split("=")[0]):
            make_model(f"hf:{world / 'yes'}:{options}", database=world / "x.db", images=world)
