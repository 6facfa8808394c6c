"""The sentences behind the labels, read from the sources of a build."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import CliRunner
from question_files import Built

from ehrxqa import why
from ehrxqa.cli.main import run
from ehrxqa.cli.why import command
from ehrxqa.errors import SettingsError, SourceError
from ehrxqa.explain.evidence import EvidenceStudy
from ehrxqa.explain.report_sentences import DecidedLabel, ImageReport
from ehrxqa.explain.why_text import as_json, as_text
from ehrxqa.labels.deciding import Verdict, verdicts
from ehrxqa.labels.ontology import Ontology
from ehrxqa.labels.store import read_labels
from ehrxqa.sources.chest_imagenome import read_semantics
from ehrxqa.sources.report_text import Statement, read_gold_sentences, read_graph_sentences
from ehrxqa.sources.tree import find_sources

HINT = "--sources SOURCES shows the sentences themselves"
CHEST = Path("chest-imagenome/1.0.0")
ZIP = CHEST / "silver_dataset/scene_graph.zip"
GOLD = CHEST / "gold_dataset/gold_attributes_relations_500pts_500studies1st.txt"

Statements = dict[str, list[Statement]]


def all_statements(sources: Path, out: Path) -> tuple[Statements, Statements]:
    """Of every labelled image: from the scene graphs, and from the gold file."""
    images = read_labels(out / "labels").images
    studies = dict(zip(images.image_id, images.study_id.tolist(), strict=True))
    by_hand = [image for image, gold in zip(images.image_id, images.has_gold, strict=True) if gold]
    tree = find_sources(sources)
    return read_graph_sentences(sources / ZIP, studies), read_gold_sentences(tree, by_hand)


def decided(sources: Path, out: Path) -> Iterator[tuple[str, str, dict[tuple[str, str], Verdict]]]:
    """Label set, image, and verdicts of each labelled image; they must be the labels of the build, all of them."""
    graphs, gold = all_statements(sources, out)
    ontology = Ontology.from_semantics(read_semantics(find_sources(sources)))
    labels = read_labels(out / "labels")
    for name, rows in labels.sets.items():
        built: dict[int, dict[tuple[str, str], float]] = defaultdict(dict)
        for row in (rows.relation == 1).nonzero()[0].tolist():
            pair = labels.objects[rows.object[row]], labels.attributes[rows.attribute[row]]
            built[int(rows.image[row])][pair] = float(rows.sentence[row])
        for number in labels.images_of(name).tolist():
            image = labels.images.image_id[number]
            by_hand = name != "silver" and image in gold
            found = verdicts((gold if by_hand else graphs)[image], ontology, by_hand_twice=by_hand and name == "gold+")
            mine = {p: v.statement.sentence for p, v in found.items() if v.relation == 1 and v.statement is not None}
            assert mine == built[number], (name, image)
            yield name, image, found


def test_deciding_statements_are_those_of_the_build(built: Built) -> None:
    grounds: Counter[tuple[str, int, str]] = Counter()
    for name, _, found in decided(built.sources, built.out):
        for verdict in found.values():
            grounds[name, verdict.relation, verdict.ground.name] += 1
            said = verdict.statement
            # what is said to be present is named in the sentence, with its place
            if said is not None and said.relation == 1:
                assert said.text is not None
                assert said.attribute in said.text.lower() or "history" in said.text.lower(), said
                assert said.object in said.text.lower() or "history" in said.text.lower(), said
    assert {ground for _, _, ground in grounds} == {"STATED", "INHERITED", "UNSTATED", "RARE", "OVERRULED"}
    assert {name for name, _, ground in grounds if ground == "OVERRULED"} == {"gold+"}


@pytest.mark.shared
def test_deciding_statements_are_those_of_the_reference(shared: Path, reference: Path) -> None:
    images: Counter[str] = Counter()
    for name, _, found in decided(shared / "parity" / "source", reference):
        images[name] += 1
        for verdict in found.values():
            said = verdict.statement
            if said is not None and said.relation == 1:
                assert said.text is not None
                assert said.attribute in said.text, said
                assert said.object in said.text, said
    assert images == {"silver": 3320, "gold": 500, "gold+": 927}


# ------------------------------------------------------------------------------------------------------------------
# One question


def ask(out: Path, study: int, **visual: list[str]) -> None:
    """Let question 1 be about one study and these objects, attributes, categories."""
    for name in ("_test.json", "test.json"):
        path = out / "dataset" / name
        records = json.loads(path.read_text())
        records[1]["v_tag"] = {"object": [], "category": [], "attribute": []} | visual
        records[1]["value"] = {"study_id": study}
        if "_gold_program" in records[1]:
            program = f"select count(*) > 0 from tb_cxr_plus where tb_cxr_plus.study_id = {study}"
            records[1]["_gold_program"] = program
        path.write_text(json.dumps(records))


def told(own: Path, sources: Path, study: int, **visual: list[str]) -> EvidenceStudy:
    ask(own, study, **visual)
    (found,) = why(own, 1, sources=sources).evidence.studies
    assert found.report is not None
    return found


@pytest.fixture(scope="session")
def examples(built: Built) -> Callable[[str, int], tuple[str, int, tuple[str, str], Verdict]]:
    """Finds an image of the test database with a label of some ground: image, study, pair, verdict."""
    studies = dict(
        zip(*[getattr(read_labels(built.out / "labels").images, n) for n in ("image_id", "study_id")], strict=True)
    )
    every = [entry for entry in decided(built.sources, built.out) if entry[0] == "gold+"]
    with_rows = apsw.Connection(str(built.out / "database/test/mimic_iv_cxr.db"), flags=apsw.SQLITE_OPEN_READONLY)
    there = {image for (image,) in with_rows.execute("SELECT image_id FROM tb_cxr")}
    with_rows.close()

    def find(ground: str, relation: int) -> tuple[str, int, tuple[str, str], Verdict]:
        for _, image, found in every:
            for pair, verdict in found.items():
                if image in there and verdict.ground.name == ground and verdict.relation == relation:
                    return image, int(studies[image]), pair, verdict
        raise AssertionError(ground)

    return find


def shown_labels(out: Path, sources: Path) -> tuple[DecidedLabel, ...]:
    (study,) = why(out, 1, sources=sources).evidence.studies
    assert study.report is not None
    return study.report.labels


def only(study: EvidenceStudy) -> DecidedLabel:
    assert study.report is not None
    (label,) = study.report.labels
    return label


def test_sentence_of_a_label(built: Built) -> None:
    found = why(built.out, 1, sources=built.sources)
    label = only(found.evidence.studies[0])
    assert (label.object, label.attribute, label.relation) == (*built.finding, 1)
    assert label.sentence is not None
    assert label.text is not None
    assert str(label.stated_attribute) in label.text.lower()
    text = as_text(found)
    assert f"sentence {label.sentence}: “{label.text}”" in text
    assert f"present: {built.finding[1]} in {built.finding[0]}" in text
    assert HINT not in text


def test_without_sources_there_is_a_hint_and_no_text(built: Built) -> None:
    found = why(built.out, 1)
    assert as_text(found).count(HINT) == 1
    assert "report" not in as_json(found)["evidence"]["studies"][0]
    assert HINT not in as_text(why(built.out, 3))


@pytest.mark.parametrize(
    ("ground", "relation", "says"),
    [
        ("STATED", 1, "present: {attribute} in {object}\n"),
        ("STATED", 0, "absent: {attribute} in {object}\n"),
        ("INHERITED", 1, "present: {attribute} in {object} (inherited: the sentence says {said})\n"),
        ("INHERITED", 0, "absent: {attribute} in {object} (inherited: the sentence says no {said})\n"),
        ("RARE", 0, "absent: {attribute} in {object} (the sentence says {said}; stated, but too rare"),
        (
            "OVERRULED",
            0,
            "absent: {attribute} in {object} (the sentence says {said}; stated, but labels checked by hand",
        ),
    ],
)
def test_what_decided(own: Path, built: Built, examples: Any, ground: str, relation: int, says: str) -> None:
    _, study, (place, attribute), verdict = examples(ground, relation)
    shown = told(own, built.sources, study, object=[place], attribute=[attribute])
    label = only(shown)
    assert (label.object, label.attribute, label.relation, label.ground) == (place, attribute, relation, ground.lower())
    said = verdict.statement
    assert said is not None
    assert (label.sentence, label.text) == (int(said.sentence), said.text)
    assert (label.stated_object, label.stated_attribute) == (said.object, said.attribute)
    assert ((said.object, said.attribute) == (place, attribute)) or ground != "STATED"
    assert ((said.object, said.attribute) != (place, attribute)) or ground != "INHERITED"
    text = as_text(why(own, 1, sources=built.sources)) + "\n"
    assert says.format(attribute=attribute, object=place, said=f"{said.attribute} in {said.object}") in text
    assert f"sentence {label.sentence}: “{' '.join(str(said.text).split())}”\n" in text


def test_absent_by_default_has_no_sentence(own: Path, built: Built, examples: Any) -> None:
    _, study, (place, attribute), _ = examples("UNSTATED", 0)
    shown = told(own, built.sources, study, object=[place], attribute=[attribute])
    label = only(shown)
    assert (label.relation, label.sentence, label.text, label.ground) == (0, None, None, "unstated")
    assert shown.report is not None
    assert shown.report.unstated == 1
    text = as_text(why(own, 1, sources=built.sources))
    assert f"the report does not mention them, no sentence (1): {attribute} in {place}" in text
    # a question that names no attribute has hundreds of them: they are counted
    every = told(own, built.sources, study)
    assert every.report is not None
    assert every.report.unstated > 300
    assert all(label.ground != "unstated" for label in every.report.labels)


def test_gold_images_come_from_the_gold_file(own: Path, built: Built, examples: Any) -> None:
    image, study, (place, attribute), _ = examples("OVERRULED", 0)
    shown = told(own, built.sources, study, object=[place], attribute=[attribute])
    assert shown.image_id == image
    assert shown.report is not None
    assert shown.report.origin == "gold file"
    rows = [line.split("\t") for line in (built.sources / GOLD).read_text().splitlines()]
    assert [f"{study}|{only(shown).sentence}", only(shown).text] in [[row[3], row[5]] for row in rows]


def test_an_image_without_labels(own: Path, built: Built) -> None:
    labels = read_labels(built.out / "labels").images
    labelled = {image for image, has in zip(labels.image_id, labels.has_gold_plus, strict=True) if has}
    database = apsw.Connection(str(built.out / "database/test/mimic_iv_cxr.db"), flags=apsw.SQLITE_OPEN_READONLY)
    rows = database.execute("SELECT study_id, image_id FROM tb_cxr").fetchall()
    database.close()
    bare = [study for study, image in rows if image not in labelled]
    if not bare:
        pytest.skip("every image of this hospital has labels")
    assert told(own, built.sources, bare[0]).report == ImageReport("", (), 0, "the image has no labels")
    assert "the image has no labels" in as_text(why(own, 1, sources=built.sources))


# ------------------------------------------------------------------------------------------------------------------
# Sources


@pytest.fixture
def sources(built: Built, tmp_path: Path) -> Path:
    """A copy of the sources that a test may change."""
    shutil.copytree(built.sources, tmp_path / "hospital")
    return tmp_path / "hospital"


@pytest.fixture
def silver(examples: Any, own: Path, built: Built) -> tuple[str, int]:
    """Question 1 is about everything that a scene graph says of this image and study of the test database."""
    gold = all_statements(built.sources, built.out)[1]
    images = read_labels(built.out / "labels").images
    database = apsw.Connection(str(built.out / "database/test/mimic_iv_cxr.db"), flags=apsw.SQLITE_OPEN_READONLY)
    rows = database.execute("SELECT image_id, study_id FROM tb_cxr_plus WHERE relation = 1 ORDER BY 1").fetchall()
    database.close()
    image, study = next((image, study) for image, study in rows if image not in gold)
    assert image in images.image_id
    ask(own, study)
    return str(image), int(study)


def test_only_the_graph_that_is_asked_about_is_read(own: Path, sources: Path, silver: tuple[str, int]) -> None:
    path = sources / ZIP
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    for member in members:
        if silver[0] not in member.filename:  # damage what is packed in all others
            start = member.header_offset + 30 + len(member.filename)
            content[start : start + member.compress_size] = bytes(member.compress_size)
    path.write_bytes(content)
    labels = shown_labels(own, sources)
    assert all(label.text for label in labels)
    assert any(label.relation for label in labels)
    others = [Path(member.filename).name.partition("_")[0] for member in members if silver[0] not in member.filename]
    with pytest.raises(SourceError, match="is damaged"):
        read_graph_sentences(path, {others[0]: 0})


def unpack(sources: Path, change: Callable[[dict[str, Any]], None] | None, image: str) -> None:
    """Unpack the scene graphs, and change one of them, or take it away."""
    folder = sources / ZIP.with_suffix("")
    with zipfile.ZipFile(sources / ZIP) as archive:
        archive.extractall(folder.parent)
    (sources / ZIP).unlink()
    path = folder / f"{image}_SceneGraph.json"
    if change is None:
        path.unlink()
        return
    graph = json.loads(path.read_text())
    change(graph)
    path.write_text(json.dumps(graph))


def turned(graph: dict[str, Any]) -> None:
    """The same sentences with the opposite statements."""
    for location in graph["attributes"]:
        location["attributes"] = [
            [text.replace("|yes|", "|maybe|").replace("|no|", "|yes|").replace("|maybe|", "|no|") for text in row]
            for row in location["attributes"]
        ]


def test_unpacked_graphs(own: Path, sources: Path, silver: tuple[str, int]) -> None:
    packed = why(own, 1, sources=sources)
    unpack(sources, lambda graph: None, silver[0])
    assert why(own, 1, sources=sources) == packed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (turned, "has other labels in .* than the sources state; give the sources that it was built from"),
        (None, "has labels in .*, but the scene graphs hold no image of it"),
        (lambda graph: graph.update(study_id=1), "is of another image or study than its name says"),
        (lambda graph: graph["attributes"][0]["phrases"].pop(), "phrases and phrase_IDs differ in length"),
        (lambda graph: graph["attributes"][0]["phrase_IDs"].pop(), "attributes and phrase_IDs differ in length"),
        (lambda graph: graph["attributes"][0]["phrase_IDs"].__setitem__(0, "x"), "does not end in .sentence position"),
        (lambda graph: graph["attributes"][0]["attributes"][0].append("x"), "is not category.yes or no.label"),
    ],
)
def test_graphs_that_are_not_those_of_the_build(
    own: Path, sources: Path, silver: tuple[str, int], change: Any, message: str
) -> None:
    unpack(sources, change, silver[0])
    with pytest.raises(SourceError, match=message):
        why(own, 1, sources=sources)


def test_graphs_without_phrases(own: Path, sources: Path, silver: tuple[str, int]) -> None:
    unpack(sources, lambda graph: [place.pop("phrases") for place in graph["attributes"]] and None, silver[0])
    found = why(own, 1, sources=sources)
    assert "(the sources do not show its text)" in as_text(found)


@pytest.mark.parametrize(
    "file", [ZIP, CHEST / "semantics/label_to_UMLS_mapping.json", CHEST / "semantics/attribute_relations_v1.txt"]
)
def test_files_that_are_not_those_of_the_build(own: Path, sources: Path, silver: tuple[str, int], file: Path) -> None:
    with (sources / file).open("ab") as stream:
        stream.write(b"\n")
    with pytest.raises(SourceError, match=f"{file.name}: is not the file that .* was built from; give the sources"):
        why(own, 1, sources=sources)


def test_another_gold_file(own: Path, sources: Path, examples: Any) -> None:
    ask(own, examples("OVERRULED", 0)[1])
    path = sources / GOLD
    path.write_text(path.read_text().replace("pneumo", "Pneumo"))
    with pytest.raises(SourceError, match=f"{GOLD.name}: is not the file that"):
        why(own, 1, sources=sources)
    (own / "manifest.json").unlink()  # without it the labels themselves tell
    path.write_text("\n".join(path.read_text().splitlines()[:2]) + "\n")
    # which of the two is seen first depends on the study
    with pytest.raises(SourceError, match="the gold file names no image of it|has other labels in"):
        why(own, 1, sources=sources)


def from_tables(own: Path) -> None:
    """Let the manifest say that the labels came from the tabular files."""
    path = own / "manifest.json"
    manifest = json.loads(path.read_text())
    record = manifest["sources"].pop("silver: scene_graph.zip")
    manifest["sources"]["silver: attribute_relations_tabular.txt"] = record
    path.unlink()
    path.write_text(json.dumps(manifest))


def test_build_from_the_tabular_files(own: Path, sources: Path, silver: tuple[str, int]) -> None:
    packed = why(own, 1, sources=sources)
    from_tables(own)
    assert why(own, 1, sources=sources) == packed
    unpack(sources, turned, silver[0])
    text = as_text(why(own, 1, sources=sources))
    assert "(the sources do not show its text)" in text
    assert "(from the tabular files; the scene graph does not say so)" in text
    assert not any(label.text for label in shown_labels(own, sources) if label.relation)
    shutil.rmtree(sources / ZIP.with_suffix(""))
    text = as_text(why(own, 1, sources=sources))
    assert "no sentences: the tabular files hold no text" in text
    assert "sentence " in text


def test_projects_elsewhere(own: Path, sources: Path, tmp_path: Path) -> None:
    (sources / CHEST).rename(tmp_path / "chest")
    with pytest.raises(SourceError, match="is missing: .*give the folder that holds chest-imagenome"):
        why(own, 1, sources=sources)
    found = why(own, 1, sources=sources, folders={"chest-imagenome": tmp_path / "chest"})
    assert only(found.evidence.studies[0]).text
    line = [str(own), "1", "--sources", str(sources), "--chest-imagenome", str(tmp_path / "chest")]
    assert "“" in CliRunner().invoke(command, line, catch_exceptions=False).output


# ------------------------------------------------------------------------------------------------------------------
# The command


def state(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.stat().st_size, path.read_bytes())
        for path in sorted(folder.rglob("*"), key=str)
        if path.is_file()
    }


def test_nothing_is_written(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.chdir(home)
    before = state(built.out), state(built.sources)
    arguments = [str(built.out), "1", "--sources", str(built.sources), "--format", "json"]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    (label,) = json.loads(result.stdout)["evidence"]["studies"][0]["report"]["labels"]
    assert label["relation"] == 1
    assert label["text"]
    assert (state(built.out), state(built.sources)) == before
    assert list(home.rglob("*")) == []
    assert not any(label["text"].encode() in content for _, _, content in before[0].values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["1", "--sources", "nowhere"], "nowhere: no such folder"),
        (["1", "--sources", "."], "is missing: there is no Chest ImaGenome 1.0.0 here"),
        (["0", "--split", "test", "--sources", "nowhere"], "nowhere: no such folder"),
        (["1", "--chest-imagenome", "."], "--chest-imagenome goes with --sources"),
        (["--empty", "--sources", "."], "--sources goes with the ID of a question"),
    ],
)
def test_wrong_options(
    built: Built,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as done:
        run(["why", str(built.out), *arguments])
    assert done.value.code
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_no_labels(own: Path, built: Built) -> None:
    (own / "labels").unlink()
    with pytest.raises(SettingsError, match="holds no label files"):
        why(own, 1, sources=built.sources)
    assert why(own, 0, split="test", sources=built.sources).computed  # a table question needs none
