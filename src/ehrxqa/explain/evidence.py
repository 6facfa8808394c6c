"""What an answer rests on: studies, images, labels with the sentences they come from, and rows of the tables.

The sidecar of generated questions says it exactly. Without one, studies are those that the steps of the query meet,
and rows those that their conditions keep.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ehrxqa.database.studies import LABEL_SET_OF
from ehrxqa.dataset.links import Links
from ehrxqa.dataset.placement import Placement
from ehrxqa.dataset.records import Record
from ehrxqa.errors import BuildError, NeuralSqlError, SettingsError
from ehrxqa.explain.report_sentences import ImageReport, image_reports
from ehrxqa.layout import base_of_database, image_path
from ehrxqa.sources.scene_graphs import Member
from ehrxqa.sources.tree import SourceTree
from ehrxqa.sql.sandbox import Rows
from ehrxqa.sql.steps import Step

__all__ = ["Evidence", "EvidenceStudy", "LabelSentence", "TableRows", "evidence_for"]

#: Studies, and rows of a table, that are listed.
MOST: Final = 20

Run = Callable[[str], Rows]


@dataclass(frozen=True)
class LabelSentence:
    """A label that is present, and where the report says so.

    Attributes:
        object, attribute, category: The label.
        sentence: Position of the deciding sentence in the report, from 0; None if none is known.
    """

    object: str
    attribute: str
    category: str
    sentence: int | None


@dataclass(frozen=True)
class EvidenceStudy:
    """A study that a question is about.

    Attributes:
        study_id, subject_id, image_id, view_position, studydatetime: As in TB_CXR.
        path: Of the image, below the folder `files` of MIMIC-CXR-JPG.
        labels: Present labels among those asked about; None if no label file is there.
        report: The sentences behind the labels asked about, the absent ones too; None if they were not asked for.
    """

    study_id: int
    subject_id: int
    image_id: str
    view_position: str
    studydatetime: str
    path: str
    labels: tuple[LabelSentence, ...] | None
    report: ImageReport | None = None


@dataclass(frozen=True)
class TableRows:
    """Rows of one table.

    Attributes:
        table: Its name.
        total: How many rows there are.
        columns: Names of the columns.
        rows: At most `MOST` of them.
        step: Label of the step whose conditions keep them; None if the sidecar names them.
    """

    table: str
    total: int
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    step: int | None


#: Tables that lead to rows, by patient, visit or study; what they say is in the steps and studies.
_WAYS: Final = frozenset(("patients", "admissions", "icustays", "tb_cxr", "tb_cxr_plus"))


@dataclass(frozen=True)
class Evidence:
    """What an answer rests on.

    Attributes:
        from_sidecar: Whether the sidecar said it.
        studies: At most `MOST`, in the order of the sidecar or of the steps.
        studies_total: How many there are.
        rows: Per table or step.
    """

    from_sidecar: bool
    studies: tuple[EvidenceStudy, ...]
    studies_total: int
    rows: tuple[TableRows, ...]


def evidence_for(
    out: Path,
    record: Record,
    facts: Placement,
    link: Links | None,
    database: Path,
    steps: Sequence[Step],
    met: Sequence[int],
    run: Run,
    sources: SourceTree | None = None,
    members: Mapping[str, Member] | None = None,
) -> Evidence:
    """The evidence of one question.

    Args:
        out: Output folder, for the labels.
        record: The question.
        facts: Of the question.
        link: Its links, if there is a sidecar.
        database: That answers it.
        steps: Of its program.
        met: Studies that the steps gave, in their order.
        run: Runs SQL on the database.
        sources: Where the sentences of the reports are read; None leaves them out.
        members: Scene graphs by image, if they were looked for before.

    Raises:
        BuildError: The label files are damaged.
        SettingsError: Sentences are asked for, but there are no label files.
        SourceError: The sources are damaged, or not those of the build.
    """
    if facts.modality == "Table":
        wanted: list[int] = []
    elif link is not None:
        wanted = link.study_ids
    else:
        named = [value for slot, value in (record.get("value") or {}).items() if slot.startswith("study_id")]
        wanted = list(dict.fromkeys([*(int(value) for value in named if str(value).isdecimal()), *met]))
    total = link.studies_total if link is not None and wanted else len(wanted)
    studies = _studies(wanted[:MOST], run)
    label_set = LABEL_SET_OF[base_of_database(database)]
    asked = record.get("v_tag") or {}
    labels = _labels(out, label_set, [study.image_id for study in studies], asked)
    if labels is not None:
        studies = [replace(study, labels=labels[study.image_id]) for study in studies]
    if sources is not None and studies:
        if labels is None:
            raise SettingsError(f"{out}: holds no label files, so nothing says which sentences count; omit --sources")
        reports = image_reports(
            out,
            sources,
            label_set,
            {study.image_id: study.study_id for study in studies},
            {image: {(of.object, of.attribute): of.sentence for of in found} for image, found in labels.items()},
            lambda row: _is_asked(row, asked),
            name_unstated=bool(asked.get("attribute")),
            members=members,
        )
        studies = [replace(study, report=reports[study.image_id]) for study in studies]
    return Evidence(
        from_sidecar=link is not None,
        studies=tuple(studies),
        studies_total=total,
        rows=tuple(_rows(link, steps, run)),
    )


def _studies(wanted: Sequence[int], run: Run) -> list[EvidenceStudy]:
    if not wanted:
        return []
    listed = ", ".join(map(str, wanted))
    rows = run(
        "select study_id, subject_id, image_id, viewposition, studydatetime from tb_cxr "
        f"where study_id in ({listed}) order by row_id"
    )
    found: dict[int, EvidenceStudy] = {}
    for study_id, subject_id, image_id, view, time in rows:
        assert isinstance(study_id, int)
        assert isinstance(subject_id, int)
        path = image_path(subject_id, study_id, str(image_id))
        found[study_id] = EvidenceStudy(study_id, subject_id, str(image_id), str(view), str(time), path, None)
    return [found[study_id] for study_id in wanted if study_id in found]


def _labels(
    out: Path, label_set: str, image_ids: Sequence[str], asked: Mapping[str, Any]
) -> dict[str, tuple[LabelSentence, ...]] | None:
    """Present labels of images, by image; None without label files."""
    folder = out / "labels"
    if not image_ids:
        return {}
    if not (folder / "findings.parquet").is_file():
        return None
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        every = pq.read_table(folder / "images.parquet", columns=["image_id"])["image_id"].combine_chunks()
        places = pc.index_in(pa.array(image_ids), every).to_pylist()
        image_of = {place: image for place, image in zip(places, image_ids, strict=True) if place is not None}
        table = pq.read_table(folder / "findings.parquet", filters=[("image", "in", list(image_of))])
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        raise BuildError(f"{folder}: the label files are damaged; build again with --force") from error
    found: dict[str, list[LabelSentence]] = {image: [] for image in image_ids}
    for row in table.to_pylist():
        if row["label_set"] == label_set and row["relation"] == 1 and _is_asked(row, asked):
            sentence = row["sentence"]
            found[image_of[row["image"]]].append(
                LabelSentence(
                    row["object"],
                    row["attribute"],
                    row["category"],
                    None if sentence is None or sentence != sentence else int(sentence),
                )
            )
    return {image: tuple(labels) for image, labels in found.items()}


def _is_asked(row: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether a label is among the objects, attributes and categories of a question; those not named are any."""
    return all(not asked.get(name) or row[name] in asked[name] for name in ("object", "attribute", "category"))


def _rows(link: Links | None, steps: Sequence[Step], run: Run) -> list[TableRows]:
    """Rows that the sidecar names; where it names none of a table that the query reads, those that the steps keep."""
    if link is None:
        return _kept_rows(steps, run, frozenset())
    linked = [rows for rows in _linked_rows(link, run) if rows.total]
    named = {rows.table for rows in linked} | _WAYS
    return linked + _kept_rows(steps, run, named)


def _linked_rows(link: Links, run: Run) -> list[TableRows]:
    found = []
    for linked in link.rows:
        listed = ", ".join(str(int(row)) for row in linked.row_ids[:MOST])
        try:
            rows = run(f'select * from "{linked.table}" where row_id in ({listed}) order by row_id')
        except NeuralSqlError:  # the label table, while NeuralSQL is stepped through
            rows = Rows(("row_id",), [(row,) for row in linked.row_ids[:MOST]])
        found.append(TableRows(linked.table, linked.total, rows.columns, tuple(rows.rows), None))
    return found


def _kept_rows(steps: Sequence[Step], run: Run, named: Collection[str]) -> list[TableRows]:
    """Rows of base tables that the conditions of the steps keep; dictionaries and `named` ones are left out."""
    found = []
    seen = set[int]()
    for step in steps:
        if "from" not in step.clauses or step.label in seen:
            continue
        seen.add(step.label)
        for source in step.tables:
            if source.table.startswith("d_") or source.table in named:
                continue
            tail = "group" not in step.clauses and not step.distinct
            rows = _try(run, step, source.alias, tail=tail) or (
                _try(run, step, source.alias, tail=False) if tail else None
            )
            if rows is not None and rows.rows:
                distinct = list(dict.fromkeys(rows.rows))
                found.append(TableRows(source.table, len(distinct), rows.columns, tuple(distinct[:MOST]), step.label))
    return found


def _try(run: Run, step: Step, alias: str, *, tail: bool) -> Rows | None:
    try:
        return run(step.kept_rows(f"{alias}.*", tail=tail))
    except NeuralSqlError:
        return None
