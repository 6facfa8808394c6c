"""A table that is declared by half ends a build with an error that names what is missing."""

from dataclasses import replace

import pytest

from ehrxqa.database import writer
from ehrxqa.database.frame import ColumnKind, Frame, FrameColumn
from ehrxqa.errors import BuildError
from ehrxqa.spec.columns import ROW_ID, text
from ehrxqa.spec.table import Table
from ehrxqa.spec.tables import TABLES


def written(tmp_path, monkeypatch, table, frames):
    monkeypatch.setattr(writer, "TABLES", {table.name: table})
    side = tmp_path / "side.db"
    with writer.connection(side) as database:
        database.execute("CREATE TABLE other (x)")
    return writer.DatabaseWriter(None, side).write(tmp_path / "new.db", "train", None, None, ColumnKind.INT, frames)


def test_a_table_that_nothing_makes(tmp_path, monkeypatch):
    services = Table("services", "One row per change of service.", (ROW_ID, text("service", "service")))
    with pytest.raises(
        BuildError, match="table services is declared, but nothing makes its rows: its declaration needs"
    ):
        written(tmp_path, monkeypatch, services, {})


def test_columns_that_nothing_makes_or_declares(tmp_path, monkeypatch):
    patients = replace(TABLES["patients"], columns=(*TABLES["patients"].columns, text("blood_type", "blood type")))
    made = Frame({name: FrameColumn(ColumnKind.INT, []) for name in ("subject_id", "gender", "dob", "dod", "height")})
    with pytest.raises(
        BuildError, match="table patients: nothing makes blood_type; height not declared in ehrxqa.spec"
    ):
        written(tmp_path, monkeypatch, patients, {"patients": made})
