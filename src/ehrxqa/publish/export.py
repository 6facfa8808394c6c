"""`ehrxqa export`: everything a data set needs to be shared, from the same records as the JSON files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ehrxqa.arguments import checked
from ehrxqa.building.facts import build_facts
from ehrxqa.counting import counted
from ehrxqa.dataset.parquet import fields_of, parquet_table
from ehrxqa.dataset.splits import Dataset, read_dataset
from ehrxqa.dataset.stats import dataset_stats, plots
from ehrxqa.errors import SettingsError
from ehrxqa.files import sha256_of, write_json, write_text
from ehrxqa.html_repr import html_repr
from ehrxqa.layout import DataKind
from ehrxqa.loading.load import records_of
from ehrxqa.loading.origin import Origin
from ehrxqa.publish.card import CITATION, dataset_card, terms_of
from ehrxqa.publish.columns import GOLD_FIELDS, columns_of, require_pictures, write_gold, write_questions
from ehrxqa.publish.croissant import croissant
from ehrxqa.publish.datasette import export_datasette
from ehrxqa.publish.meds import export_meds
from ehrxqa.publish.tables_json import schema_record
from ehrxqa.runs.manifest import OFFICIAL_STAGE, QUESTIONS_STAGE, Manifest, read_manifest, recorded_tables
from ehrxqa.short_repr import short_repr
from ehrxqa.spec.releases import OFFICIAL_DATA_SET

__all__ = ["ExportReport", "export"]

#: The official dataset, whose design the questions follow.
OFFICIAL: Final = {"@type": "sc:Dataset", "name": "EHRXQA", "url": "https://physionet.org/content/ehrxqa/"}


@dataclass(frozen=True)
class ExportReport:
    """What was written.

    Attributes:
        questions: Records by split.
        files: Paths below the folder of the question files, in the order written.
        folder: That folder.
    """

    questions: dict[str, int]
    files: tuple[str, ...]
    folder: str

    __repr__ = short_repr
    _repr_html_ = html_repr


@checked
def export(
    out: Path | str,
    *,
    images: Path | str | None = None,
    datasette: Path | str | None = None,
    meds: Path | str | None = None,
    date: str | None = None,
    version: str | None = None,
    name: str | None = None,
    url: str | None = None,
) -> ExportReport:
    """Write Parquet, dataset card with plots, Croissant metadata and tables.json beside the question files.

    Everything is made from the same records; the same records give the same bytes. Splits without answers are
    exported without the column `answer`.

    Args:
        out: Output folder, or a folder of question files; without a build there, `tables.json` is left out.
        images: Folder of the X-rays, to be embedded; not of credentialed data.
        datasette: Write into this folder, instead of all that, what Datasette needs to show a database of the build.
        meds: Write into this folder, instead, the events of the build in the Medical Event Data Standard.
        date: Of publication, for the metadata (`YYYY-MM-DD`). It is left out if it is not given: the clock
            is never asked, so that the same questions give the same files.
        version: Of the data set, for the metadata. By default 1.0.0 for the official questions, 0.1.0 for others.
        name: Of the data set. Generated questions never carry the official one by default.
        url: Address of the page that describes the data set; left out if it is not given and the questions are not
            the official ones.

    Raises:
        RecordError: There are no question files, or they are damaged.
        SettingsError: The date is no date, arguments exclude each other, or images are of credentialed data.
        SourceError: An X-ray is missing.
        BuildError: The database is damaged, or a file cannot be written.
    """
    if date is not None:
        _check_date(date)
    out = Path(out)
    if datasette is not None or meds is not None:
        if images is not None:
            raise SettingsError("--images belongs to the question set: give it without --datasette and --meds")
        made = [] if datasette is None else [*export_datasette(out, Path(datasette))]
        made += [] if meds is None else export_meds(out, Path(meds))
        return ExportReport({}, tuple(map(str, made)), str(out))
    dataset = read_dataset(out)
    manifest = read_manifest(out)
    folder = dataset.folder
    written = []
    every = [record for records in dataset.splits.values() for record in records]
    fields = fields_of(every)
    kind: DataKind = "credentialed" if manifest is None else manifest.kind
    pictures = None if images is None else Path(images)
    questions = records_of(dataset, Origin(folder, kind, pictures))
    if pictures is not None:
        require_pictures(questions, kind, pictures)
    files, gold_files = {}, {}
    for split, records in dataset.splits.items():  # a value that fits no column is found before anything is written
        parquet_table(dataset.paths[split], records, fields)
    for split in dataset.splits:
        path = f"parquet/{split}.parquet"
        write_questions(folder / path, questions[split], fields, source=dataset.paths[split], images=pictures)
        files[split] = (path, sha256_of(folder / path))
        written.append(path)
        if any(question.gold_program is not None for question in questions[split]):
            path = f"parquet-gold/{split}.parquet"
            write_gold(folder / path, questions[split])
            gold_files[split] = (path, sha256_of(folder / path))
            written.append(path)
    value = dataset_stats(dataset)
    charts = plots(value)
    for chart_name, chart in charts.items():
        write_text(folder / "plots" / f"{chart_name}.svg", chart + "\n")
        written.append(f"plots/{chart_name}.svg")
    columns = columns_of(fields, images=pictures is not None)
    data_set = OFFICIAL_DATA_SET if manifest is None else manifest.data_set
    facts = () if manifest is None else tuple((fact.name, fact.text) for fact in build_facts(out))
    card = dataset_card(
        value,
        kind=kind,
        counts={split: len(records) for split, records in dataset.splits.items()},
        gold=list(gold_files),
        fields=columns,
        plots=list(charts),
        examples=_examples(dataset) if kind != "credentialed" else [],
        versions={} if manifest is None else manifest.versions,
        settings={} if manifest is None else manifest.settings,
        releases={} if manifest is None else manifest.release_numbers,
        data_set=data_set,
        facts=facts,
    )
    write_text(folder / "README.md", card)
    official = (
        manifest is not None
        and data_set == OFFICIAL_DATA_SET
        and OFFICIAL_STAGE in manifest.stages
        and QUESTIONS_STAGE not in manifest.stages
    )
    metadata = croissant(
        name=name or _name(data_set, kind, official=official),
        description=f"{counted(len(every), 'question')} over electronic health records and chest X-rays"
        + _MADE_FROM[kind]
        + f" {data_set}." * (data_set != OFFICIAL_DATA_SET)
        + "".join(f" {about.capitalize()}: {text}." for about, text in facts),
        license_url=terms_of(kind)[2],
        url=url or (OFFICIAL["url"] if official else None),
        based_on=None if official else OFFICIAL,
        citation=CITATION,
        version=version or ("1.0.0" if official else "0.1.0"),
        date=date,
        files=files,
        fields=columns,
        gold_files=gold_files,
        gold_fields=GOLD_FIELDS,
    )
    write_json(folder / "croissant.json", metadata)
    written += ["README.md", "croissant.json"]
    if (database := _database(out, manifest)) is not None:
        write_json(
            folder / "tables.json", schema_record(database, [] if manifest is None else recorded_tables(manifest))
        )
        written.append("tables.json")
    return ExportReport({split: len(records) for split, records in dataset.splits.items()}, tuple(written), str(folder))


_MADE_FROM: dict[DataKind, str] = {
    "synthetic": " of a synthetic hospital.",
    "hybrid": ", made from the open MIMIC-IV demo and made-up X-rays.",
    "credentialed": ", made from MIMIC-IV, MIMIC-CXR-JPG and Chest ImaGenome.",
}


def _name(data_set: str, kind: DataKind, *, official: bool) -> str:
    """The name of the data set in metadata: `ehrxqa`, with what sets it apart from the official one."""
    name = data_set.lower().replace(" on ", " ").replace(" and ", " ").replace(" with ", " ").replace(" ", "-")
    if kind != "credentialed":
        return f"{name}-{kind}"
    return name if official else f"{name}-generated"


def _check_date(date: str) -> None:
    import datetime

    try:
        if datetime.date.fromisoformat(date).isoformat() == date:
            return
    except ValueError:
        pass
    raise SettingsError(f"date must be a day as YYYY-MM-DD, not {date!r}")


def _database(out: Path, manifest: Manifest | None) -> Path | None:
    from ehrxqa.layout import DATABASE_PATHS

    if manifest is None:
        return None
    return next((out / path for path in DATABASE_PATHS.values() if (out / path).is_file()), None)


def _examples(dataset: Dataset) -> list[dict[str, Any]]:
    """The first answered question of each modality that is short and has an answer."""
    from ehrxqa.dataset.placement import placement_of

    found: dict[str, dict[str, Any]] = {}
    for split in dataset.splits:
        for record in dataset.splits[split]:
            modality = placement_of(record, dataset.links).modality
            if modality not in found and record.get("answer") and len(json.dumps(record["answer"])) < 200:
                found[modality] = record
    return list(found.values())
