"""The dataset card: a README that people and dataset hubs can read, made from the statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ehrxqa.dataset.parquet import Field
from ehrxqa.dataset.records import Record
from ehrxqa.layout import DataKind
from ehrxqa.spec.releases import OFFICIAL_DATA_SET
from ehrxqa.text_table import shortened

__all__ = ["CITATION", "Terms", "dataset_card", "terms_of"]

CITATION = """@inproceedings{bae2023ehrxqa,
  title     = {EHRXQA: A Multi-Modal Question Answering Dataset for Electronic Health Records with Chest X-ray Images},
  author    = {Bae, Seongsu and Kyung, Daeun and Ryu, Jaehee and Cho, Eunbyeol and Lee, Gyubok and Kweon, Sunjun and
               Oh, Jungwoo and Ji, Lei and Chang, Eric I-Chao and Kim, Tackeun and Choi, Edward},
  booktitle = {NeurIPS Datasets and Benchmarks},
  year      = {2023}
}"""

#: Short and long name of a license, and its address.
Terms = tuple[str, str, str]

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def terms_of(kind: DataKind) -> Terms:
    """Under which terms questions over such a database may be used.

    Questions over MIMIC hold values of real, de-identified patients and stay under PhysioNet's credentialed license;
    those over the open demo stay under the demo's own; those over a synthetic hospital describe nobody.
    """
    if kind == "synthetic":
        return ("mit", "MIT", "https://opensource.org/license/mit")
    if kind == "hybrid":
        return ("odbl", "Open Database License 1.0", "https://opendatacommons.org/licenses/odbl/1-0/")
    return (
        "other",
        "PhysioNet Credentialed Health Data License 1.5.0",
        "https://physionet.org/about/licenses/physionet-credentialed-health-data-license-150/",
    )


def dataset_card(
    value: Mapping[str, Any],
    *,
    kind: DataKind,
    counts: Mapping[str, int],
    gold: Sequence[str] = (),
    fields: Sequence[Field],
    plots: Sequence[str],
    examples: Sequence[Record],
    versions: Mapping[str, str],
    settings: Mapping[str, Any],
    releases: Mapping[str, str] | None = None,
    data_set: str = OFFICIAL_DATA_SET,
    facts: Sequence[tuple[str, str]] = (),
) -> str:
    """The card in Markdown, with the header that dataset hubs read.

    Args:
        value: Statistics, from `ehrxqa.dataset.stats.dataset_stats`.
        kind: Whose data it is.
        counts: Split with a Parquet file → its questions.
        gold: Splits with a file of gold programs.
        fields: Columns of the Parquet files.
        plots: Names of the charts in `plots/`, without ending.
        examples: Records to show; not for credentialed data, because a card is easily published.
        versions: Package versions the databases were built with.
        settings: Settings they were built with.
        releases: Release of each project they were built from, by its title.
        data_set: What the data set is called; another name than EHRXQA if the releases are not the official ones.
        facts: What is known about the build, by subject.

    Raises:
        ValueError: There are examples, and the data are credentialed.
    """
    if examples and kind == "credentialed":
        raise ValueError("examples of real patients do not belong on a dataset card")
    # of a split without questions there is nothing to load: datasets refuses a file without rows
    splits = [split for split, count in counts.items() if count]
    images = any(field.form == "images" for field in fields)
    sections = [
        _front_matter(value, kind, splits, [split for split in splits if split in gold]),
        "# Questions over health records and chest X-rays\n",
        _what(value, kind),
        "## Numbers\n\n" + _numbers(value, plots),
        "## Files\n\n" + _files(list(counts), gold),
        "## Fields\n\n" + _markdown(("field", "form", "meaning"), [(f"`{f.name}`", f.form, f.doc) for f in fields]),
        _loading(splits, kind, images=images),
    ]
    if examples:
        sections.append("## Examples\n\n" + "\n\n".join(map(_example, examples)))
    sections += [
        *([_known(facts)] if facts else []),
        _made(versions, settings, releases or {}, data_set),
        _sensitive(kind),
        "## Citation\n\nThe questions follow the design of EHRXQA; please cite it:\n\n```bibtex\n"
        + CITATION
        + "\n```\n",
    ]
    return "\n\n".join(section.strip("\n") for section in sections) + "\n"


def _front_matter(value: Mapping[str, Any], kind: DataKind, splits: Sequence[str], gold: Sequence[str]) -> str:
    short, long, link = terms_of(kind)
    total = value["questions"]["total"]
    size = next((name for bound, name in _SIZES if total < bound), "n>1M")
    lines = ["---", f"license: {short}"]
    if short == "other":
        lines += [f'license_name: "{long}"', f"license_link: {link}"]
    lines += [
        "language:",
        "- en",
        "pretty_name: Questions over health records and chest X-rays",
        "annotations_creators:",
        "- machine-generated",
        "multilinguality:",
        "- monolingual",
        "task_categories:",
        "- question-answering",
        "- table-question-answering",
        "- visual-question-answering",
        "tags:",
        "- medical",
        "- text-to-sql",
        "- chest-x-ray",
        *(["- synthetic"] * (kind == "synthetic")),
        "size_categories:",
        f"- {size}",
        "configs:",
    ]
    for name, folder, held in (("default", "parquet", splits), ("gold", "parquet-gold", gold)):
        if held:
            lines += [f"- config_name: {name}", *(["  default: true"] * (name == "default")), "  data_files:"]
        for split in held:
            lines += [f"  - split: {_hub_split(split)}", f"    path: {folder}/{split}.parquet"]
    return "\n".join([*lines, "---"])


def _hub_split(split: str) -> str:
    """How dataset hubs call a split."""
    return "validation" if split == "valid" else split


_SOURCES: dict[DataKind, str] = {
    "synthetic": "a **synthetic hospital**: no record, image or person in it is real",
    "hybrid": "the tables of the open MIMIC-IV demo (100 real, de-identified subjects; doi:10.13026/dp1f-ex47) and "
    "**made-up** X-rays drawn around them",
    "credentialed": "MIMIC-IV, MIMIC-CXR-JPG and Chest ImaGenome (credentialed access)",
}


def _what(value: Mapping[str, Any], kind: DataKind) -> str:
    return (
        f"{value['questions']['total']:,} English questions over one integrated database of health records and chest "
        f"X-rays, made from {_SOURCES[kind]}. A question needs tables, images, or both. Each has a query in NeuralSQL "
        "(SQL that asks images with `func_vqa`) and the answer of its gold program. `train` and `valid` questions are "
        "answered on the train database, `test` questions on the test database."
    )


def _numbers(value: Mapping[str, Any], plots: Sequence[str]) -> str:
    counts = value["questions"]
    parts = [_markdown(tuple(counts), [tuple(f"{count:,}" for count in counts.values())])]
    for title, rows in (
        ("modality", value["modality"]),
        ("scope", value["scope"]),
        ("answer", value["answers"].get("types", {})),
    ):
        if rows:
            header = (title, *next(iter(rows.values())))
            cells = [(name, *(f"{count:,}" for count in counts.values())) for name, counts in rows.items()]
            parts.append(_markdown(header, cells))
    answers = value["answers"]
    if answers["answered"]:
        text = f"Empty answers: {answers['empty_share']:.1%}; answers of nulls only: {answers['null_share']:.1%}."
        if answers["yes_no"]["questions"]:
            share = answers["yes_no"]["yes_share"]
            text += f" Of {answers['yes_no']['questions']:,} yes/no questions, {share:.1%} are answered yes."
        parts.append(text)
    length = value["question_length"]
    if "mean" in length:
        parts.append(
            f"Questions have {length['mean']:.1f} words on average (median {length['median']}, 95 % at most "
            f"{length['p95']}, longest {length['max']}), from a vocabulary of {value['vocabulary']['words']:,} "
            f"words and {value['vocabulary']['templates']:,} templates."
        )
    seen, trust = value["about"], value["trust"]
    parts.append(f"They ask about {seen['subjects']:,} subjects and {seen['studies']:,} studies.")
    flagged = [
        (name, ", ".join(family["flags"]), f"{family['answered']:,}")
        for name, family in trust["families"].items()
        if family["flags"]
    ]
    if flagged:
        rules = "; ".join(f"*{name}*: {rule}" for name, rule in trust["rules"].items())
        parts.append(f"Families whose answers can be guessed, or are empty, too often ({rules}):")
        parts.append(_markdown(("family", "flags", "questions"), flagged))
    twice = trust["duplicates"]
    parts.append(
        f"{twice['within_split']:,} questions repeat an earlier one of their split, {twice['across_splits']:,} one of "
        f"another split; {twice['contradictions']:,} contradict it."
    )
    parts += [f"![{name.replace('-', ' ')}](plots/{name}.svg)" for name in plots]
    return "\n\n".join(parts)


def _files(splits: Sequence[str], gold: Sequence[str]) -> str:
    rows = [
        *((f"`parquet/{split}.parquet`", f"questions of the split {split}") for split in splits),
        *((f"`parquet-gold/{split}.parquet`", f"gold programs of the split {split}") for split in gold),
        (
            "`train.json` …",
            "the same records as JSON, where they exist; `_train.json` … with gold programs, no answers",
        ),
        ("`links.jsonl`", "per question the studies, images and rows it is about, if the questions were generated"),
        ("`tables.json`", "the database schema in the form of BIRD and Spider, without the label table"),
        ("`croissant.json`", "machine-readable metadata (Croissant 1.0)"),
    ]
    return _markdown(("file", "content"), rows)


def _loading(splits: Sequence[str], kind: DataKind, *, images: bool) -> str:
    if not splits:
        return "## Loading\n\nThere are no questions yet."
    first = _hub_split(splits[0])
    text = (
        "## Loading\n\n```python\nimport json\nfrom datasets import load_dataset\n\n"
        'data = load_dataset("path/to/this/folder")  # load_dataset("path/to/this/folder", "gold") for gold programs\n'
        f'answer = json.loads(data["{first}"][0]["answer"])  # fields of the form json hold JSON text\n```'
    )
    if images:
        return f'{text}\n\nThe column `images` holds lists of pictures: `data["{first}"][0]["images"]`.'
    if kind != "credentialed":
        return text
    return (
        f"{text}\n\nX-rays of real patients are not part of this data set. Where MIMIC-CXR-JPG is at hand, its "
        "pictures are loaded from there:\n\n```python\nfrom datasets import Image, List\n\n"
        'files = "physionet.org/files/mimic-cxr-jpg/2.0.0/files/"\n'
        'data = data.map(lambda row: {"images": [files + path for path in row["image_paths"]]})\n'
        'data = data.cast_column("images", List(Image()))\n```'
    )


def _example(record: Record) -> str:
    answer = shortened(str(record.get("answer")), 300)
    return f"**{record['question']}**\n\n```sql\n{record['query']}\n```\n\nAnswer: `{answer}`"


def _known(facts: Sequence[tuple[str, str]]) -> str:
    return "## What is known about it\n\n" + _markdown(("about", "what is known"), facts)


def _made(versions: Mapping[str, str], settings: Mapping[str, Any], releases: Mapping[str, str], data_set: str) -> str:
    rows = [(name, f"`{value}`") for name, value in (*releases.items(), *settings.items(), *versions.items())]
    table = (
        _markdown(("source, setting or package", "value"), rows) if rows else "The folder holds no manifest of a build."
    )
    if data_set != OFFICIAL_DATA_SET:
        table = (
            f"This is **{data_set}**: another data set than EHRXQA, whose official databases are made from other "
            f"releases or have other tables. Numbers measured on one do not hold for the other.\n\n{table}"
        )
    return "## How the databases were made\n\n" + table


_SENSITIVE: dict[DataKind, str] = {
    "synthetic": "None: subjects, records and images are made up by a program, from a seed. Nothing clinical can be "
    "learned from them; use them to develop and to test.",
    "hybrid": "The tables are those of 100 de-identified subjects whom PhysioNet has published openly; do not try to "
    "find out who they are. The X-rays are drawn by a program and belong to nobody, so nothing clinical can be learned "
    "from the two together. Whoever shares this, or what is made from it, does so under the Open Database License "
    "and names its source.",
    "credentialed": "Questions, queries and answers hold values of de-identified patients. Share them only with people "
    "who have signed the data use agreement of their sources, and do not send them to services that keep or read what "
    "they get. Times are shifted per subject, and single values of diagnoses, drugs and tests are shuffled between "
    "subjects.",
}


def _sensitive(kind: DataKind) -> str:
    return "## Personal and sensitive information\n\n" + _SENSITIVE[kind]


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines)
