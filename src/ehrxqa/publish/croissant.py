"""Croissant 1.0 metadata of the Parquet files: what a machine needs to load them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ehrxqa.dataset.parquet import Field

__all__ = ["DataFile", "croissant"]

#: Name below the folder, SHA-256 of the content.
DataFile = tuple[str, str]

_CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES: Final = {
    "integers": "sc:Integer",
    "text": "sc:Text",
    "integer": "sc:Integer",
    "truth": "sc:Boolean",
    "texts": "sc:Text",
    "json": "sc:Text",
}


def croissant(
    *,
    name: str,
    description: str,
    license_url: str,
    url: str | None,
    based_on: Mapping[str, str] | None = None,
    citation: str,
    version: str,
    date: str | None,
    files: Mapping[str, DataFile],
    fields: Sequence[Field],
    gold_files: Mapping[str, DataFile] | None = None,
    gold_fields: Sequence[Field] = (),
) -> dict[str, Any]:
    """The content of `croissant.json`: one file object and one record set per split.

    Args:
        name: Of the dataset.
        description: Of the dataset.
        license_url: Address of the license.
        url: Address of the page that describes it; left out if None.
        based_on: Another dataset, whose design it follows.
        citation: What to cite, as BibTeX.
        version: Of the dataset, `major.minor.patch`.
        date: When it was published, `YYYY-MM-DD`; left out if None.
        files: Split → Parquet file.
        fields: Its columns; pictures are left out, which Croissant cannot name within a list.
        gold_files: Split → Parquet file of the gold programs, where they are known.
        gold_fields: Its columns.
    """
    objects = {split: (file, fields, f"Questions of the split {split}") for split, file in files.items()}
    for split, file in (gold_files or {}).items():
        objects[f"gold-{split}"] = (file, gold_fields, f"Gold programs of the split {split}")
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": name,
        "description": description,
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "license": license_url,
        **({} if url is None else {"url": url}),
        **({} if based_on is None else {"isBasedOn": dict(based_on)}),
        "citeAs": citation,
        "version": version,
        **({} if date is None else {"datePublished": date}),
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": f"{record_set}-parquet",
                "name": f"{record_set}-parquet",
                "description": f"{what}.",
                "contentUrl": path,
                "encodingFormat": "application/x-parquet",
                "sha256": digest,
            }
            for record_set, ((path, digest), _, what) in objects.items()
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": record_set,
                "name": record_set,
                "description": f"{what}, one record each.",
                "key": {"@id": f"{record_set}/id"},
                "field": [_field(record_set, field) for field in columns if field.form in _TYPES],
            }
            for record_set, (_, columns, what) in objects.items()
        ],
    }


def _field(split: str, field: Field) -> dict[str, Any]:
    value: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{split}/{field.name}",
        "name": field.name,
        "description": field.doc or "As in the question files.",
        "dataType": _TYPES[field.form],
        "source": {"fileObject": {"@id": f"{split}-parquet"}, "extract": {"column": field.name}},
    }
    if field.form in ("texts", "integers"):
        value["repeated"] = True
    return value
