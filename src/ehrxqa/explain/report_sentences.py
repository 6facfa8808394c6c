"""The sentences of reports that decided labels, for `ehrxqa why --sources`.

Report text is patient data: it goes into the result, never into a file or an error message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ehrxqa.errors import BuildError, SourceError
from ehrxqa.files import sha256_of
from ehrxqa.labels.deciding import Ground, Verdict, verdicts
from ehrxqa.labels.ontology import Ontology
from ehrxqa.runs.manifest import FileRecord, read_manifest
from ehrxqa.sources.build_files import graphs_path, has_tabular_files
from ehrxqa.sources.chest_imagenome import read_semantics
from ehrxqa.sources.report_text import Statement, read_gold_sentences, read_graph_sentences
from ehrxqa.sources.scene_graphs import Member
from ehrxqa.sources.tree import SourceTree

__all__ = ["DecidedLabel", "ImageReport", "image_reports"]

Pair = tuple[str, str]

_SEMANTICS: Final = ("attribute_list", "object_list", "ontology")
_SILVER: Final = "silver: "
_GIVE: Final = "give the sources that it was built from"


@dataclass(frozen=True)
class DecidedLabel:
    """A label with the sentence that decided it.

    Attributes:
        object, attribute: The label.
        relation: 1 present, 0 absent.
        sentence: Position of the sentence in the report, from 0; None if none decided.
        text: The sentence; None if none decided, or the sources have no text.
        stated_object, stated_attribute, stated_relation: What the sentence itself states; differs from the label if
            that is inherited, too rare or overruled. None without a sentence.
        ground: `stated`, `inherited`, `unstated`, `rare` or `overruled`; `unknown` if the scene graph does not bear out
            a label from the tabular files.
    """

    object: str
    attribute: str
    relation: int
    sentence: int | None
    text: str | None
    stated_object: str | None
    stated_attribute: str | None
    stated_relation: int | None
    ground: str


@dataclass(frozen=True)
class ImageReport:
    """What the report of one image says about the labels asked about.

    Attributes:
        origin: `scene graph`, `gold file`, or empty if there is nothing to read.
        labels: Present ones by position, then absent ones by position; those that the report does not mention, last,
            are listed only if the question names attributes.
        unstated: How many are absent because the report does not mention them.
        note: Why there are no sentences, or empty.
    """

    origin: str
    labels: tuple[DecidedLabel, ...]
    unstated: int
    note: str


def image_reports(
    out: Path,
    tree: SourceTree,
    label_set: str,
    studies: Mapping[str, int],
    present: Mapping[str, Mapping[Pair, int | None]],
    is_asked: Callable[[Mapping[str, Any]], bool],
    *,
    name_unstated: bool,
    members: Mapping[str, Member] | None = None,
) -> dict[str, ImageReport]:
    """What the reports of some images say about the labels asked about, by image id.

    Args:
        out: Output folder, for its manifest and its images.
        tree: The sources it was built from.
        label_set: `silver` or `gold+`.
        studies: Study of each image.
        present: Of each image, the present labels asked about, as the build has them, with their positions.
        is_asked: Whether a label (`object`, `attribute`, `category`) is asked about.
        name_unstated: List the labels that the report does not mention.
        members: Scene graphs by image, if they were looked for before.

    Raises:
        SourceError: A source file is missing, damaged, or not the one of the build.
        BuildError: The manifest or the label files are damaged.
    """
    by_hand, labelled = _kinds_of_images(out, label_set, studies)
    of_graphs = {image: studies[image] for image in labelled if image not in by_hand}
    manifest = read_manifest(out)
    records = {} if manifest is None else manifest.sources
    _check(out, tree, records, [*_SEMANTICS, *(["gold_attributes"] if by_hand else [])])
    ontology = Ontology.from_semantics(read_semantics(tree))
    category = ontology.category_of
    asked = {
        (place, name)
        for place, name in ontology.pairs
        if is_asked({"object": place, "attribute": name, "category": category[name]})
    }
    statements: dict[str, list[Statement]] = read_gold_sentences(tree, by_hand) if by_hand else {}
    tabular = any(name.startswith(f"{_SILVER}attribute_relations") for name in records) or (
        not records and has_tabular_files(tree)
    )
    if of_graphs and (path := _graphs(out, tree, records, tabular=tabular)) is not None:
        statements |= read_graph_sentences(path, of_graphs, members)
    found = {}
    for image in studies:
        if image not in labelled:
            found[image] = ImageReport("", (), 0, "the image has no labels")
        elif image not in statements and tabular:
            note = "no sentences: the tabular files hold no text, and there is no scene graph of this image beside them"
            found[image] = ImageReport("", (), 0, note)
        elif not statements.get(image):
            what = "gold file names" if image in by_hand else "scene graphs hold"
            raise SourceError(f"study {studies[image]} has labels in {out}, but the {what} no image of it; {_GIVE}")
        else:
            decided = verdicts(statements[image], ontology, by_hand_twice=image in by_hand)
            bound = image in by_hand or not tabular
            if bound and not _agree(decided, present[image], asked):
                raise SourceError(f"study {studies[image]} has other labels in {out} than the sources state; {_GIVE}")
            origin = "gold file" if image in by_hand else "scene graph"
            found[image] = _report(origin, decided, present[image], asked, name_unstated=name_unstated)
    return found


def _kinds_of_images(out: Path, label_set: str, studies: Mapping[str, int]) -> tuple[set[str], set[str]]:
    """Those of some images whose labels come from the gold file, and those that have labels."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = out / "labels" / "images.parquet"
    columns = ["image_id", "silver_split", "has_gold", "has_gold_plus"]
    try:
        rows = pq.read_table(path, columns=columns, filters=[("image_id", "in", list(studies))]).to_pylist()
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise BuildError(f"{path}: is damaged; build again with --force") from error
    if label_set == "silver":
        return set(), {row["image_id"] for row in rows if row["silver_split"]}
    labelled = {row["image_id"] for row in rows if row["has_gold_plus"]}
    return {row["image_id"] for row in rows if row["has_gold"]} & labelled, labelled


def _check(out: Path, tree: SourceTree, records: Mapping[str, FileRecord], keys: list[str]) -> None:
    """Stop if one of these small files is not the one that the manifest names."""
    for key in keys:
        path = tree.locate(key)
        if key in records and (path.stat().st_size, sha256_of(path)) != (records[key].bytes, records[key].sha256):
            raise _not_of_the_build(path, out)


def _graphs(out: Path, tree: SourceTree, records: Mapping[str, FileRecord], *, tabular: bool) -> Path | None:
    """The scene graphs; None if there are none, and the build had none either.

    A zip file of several gigabytes is compared by size: what its graphs state is compared with the labels anyway.
    """
    try:
        path = graphs_path(tree)
    except SourceError:
        if tabular:
            return None
        raise
    record = records.get(f"{_SILVER}{path.name}")
    if record is not None and path.is_file() and path.stat().st_size != record.bytes:
        raise _not_of_the_build(path, out)
    return path


def _not_of_the_build(path: Path, out: Path) -> SourceError:
    return SourceError(f"is not the file that {out} was built from; give the sources of that build", path=path)


def _agree(decided: Mapping[Pair, Verdict], present: Mapping[Pair, int | None], asked: set[Pair]) -> bool:
    """Whether the labels asked about are those of the build: the same present ones, by the same sentences."""
    return {
        pair: verdict.statement.sentence
        for pair, verdict in decided.items()
        if verdict.relation == 1 and verdict.statement is not None and (pair in asked or pair in present)
    } == present


def _report(
    origin: str,
    decided: Mapping[Pair, Verdict],
    present: Mapping[Pair, int | None],
    asked: set[Pair],
    *,
    name_unstated: bool,
) -> ImageReport:
    labels = [
        _label(pair, int(pair in present), present.get(pair), decided.get(pair))
        for pair in sorted(asked | present.keys())
    ]
    unstated = sum(label.ground == "unstated" for label in labels)
    if not name_unstated:
        labels = [label for label in labels if label.ground != "unstated"]
    labels.sort(key=lambda label: (-label.relation, label.sentence is None, label.sentence or 0))
    return ImageReport(origin, tuple(labels), unstated, "")


def _label(pair: Pair, relation: int, sentence: int | None, verdict: Verdict | None) -> DecidedLabel:
    """A label of the build with what the sources say of it, if they do."""
    statement = None if verdict is None else verdict.statement
    if verdict is not None and statement is None and relation == 0:
        return DecidedLabel(*pair, 0, None, None, None, None, None, Ground.UNSTATED.name.lower())
    if (
        verdict is None
        or statement is None
        or verdict.relation != relation
        or (relation == 1 and statement.sentence != sentence)
    ):
        return DecidedLabel(*pair, relation, sentence, None, None, None, None, "unknown")
    return DecidedLabel(
        *pair,
        relation,
        int(statement.sentence),
        statement.text,
        statement.object,
        statement.attribute,
        statement.relation,
        verdict.ground.name.lower(),
    )
