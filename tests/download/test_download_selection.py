"""What is chosen: stages, projects, splits, subjects, questions, and the images of built databases."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from physionet_server import PhysioNet
from published import IMAGE_IDS, STUDY_OF, SUBJECT_OF, built_output, image_file, jpeg, metadata_csv, publish_everything

from ehrxqa.downloading import Credentials, DownloadError, Network, download, download_images
from ehrxqa.downloading.wanted_images import choice_of_questions, database_images
from ehrxqa.errors import EhrxqaError, RecordError, SettingsError, SourceError
from ehrxqa.runs.manifest import Manifest
from ehrxqa.sources.catalogue import FILES
from ehrxqa.sources.download.image_selection import Image, ImageSelection, metadata_images, read_subjects
from ehrxqa.sources.download.releases import Stage, wanted_files

SUBJECT = SUBJECT_OF[IMAGE_IDS[0]]


def test_a_build_needs_the_catalogue_and_the_script_and_nothing_that_is_made_locally() -> None:
    wanted = {one.name for one in wanted_files((Stage.BUILD,))}
    assert len(wanted) == 24
    assert sum(name.startswith("mimiciv/2.2/") for name in wanted) == 16
    assert sum(name.startswith("chest-imagenome/1.0.0/") for name in wanted) == 7
    assert "mimic-cxr-jpg/2.0.0/mimic-cxr-2.0.0-metadata.csv.gz" in wanted
    assert not any("scene_tabular" in name for name in wanted)
    catalogued = {f"{file.project.folder}/{file.path}" for file in FILES}
    assert {name.removesuffix(".gz") for name in wanted} - catalogued == {
        "chest-imagenome/1.0.0/utils/scene_postprocessing/scenegraph_postprocessing.py"
    }


def test_only_keeps_the_named_projects() -> None:
    wanted = wanted_files((Stage.BUILD, Stage.QUESTIONS), only=("mimiciv", "ehrxqa"))
    assert {one.release.slug for one in wanted} == {"mimiciv", "ehrxqa"}
    with pytest.raises(SettingsError, match="no such project; there are mimiciv"):
        wanted_files((Stage.BUILD,), only=("mimic-iv",))
    with pytest.raises(SettingsError, match="needs nothing from there"):
        wanted_files((Stage.DEMO,), only=("mimiciv",))


@pytest.mark.parametrize(
    ("split", "names"),
    [
        (None, {"_train.json", "_valid.json", "_test.json", "_train_part1.json", "_train_part2.json"}),
        ("train", {"_train.json", "_train_part1.json", "_train_part2.json"}),
        ("test", {"_test.json"}),
    ],
)
def test_question_files_are_found_by_name_in_the_list_of_checksums(
    split: str | None, names: set[str], site: PhysioNet, network: Network, credentials: Credentials, tmp_path: Path
) -> None:
    publish_everything(site)
    download(tmp_path, stages=["questions"], split=split, network=network, credentials=credentials)
    assert {path.name for path in tmp_path.rglob("*.json")} == names


def test_a_question_file_that_is_not_published_is_one_clear_error(
    site: PhysioNet, network: Network, credentials: Credentials, tmp_path: Path
) -> None:
    publish_everything(site)
    del site.files["ehrxqa/1.0.0/dataset/mimic_iv_cxr/_valid.json"]
    site.publish_sums("ehrxqa/1.0.0")
    with pytest.raises(DownloadError, match=r"does not list _valid\.json: is this EHRXQA 1\.0\.0"):
        download(tmp_path, stages=["questions"], network=network, credentials=credentials)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stages": ["images"]}, "say which with --subjects FILE"),
        ({"subjects": "x"}, "add --for images"),
        ({"split": "train"}, "add --for questions"),
        ({"stages": []}, "say one or more of"),
        ({"stages": ["everything"]}, "there are build, images, questions, demo"),
        ({"stages": ["images"], "subjects": "x", "questions": "y"}, "not both"),
    ],
)
def test_selections_that_make_no_sense_are_refused(options: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=message):
        download(tmp_path, **options)  # type: ignore[arg-type]


def test_images_cannot_be_asked_for_without_their_project(tmp_path: Path) -> None:
    subjects = tmp_path / "subjects.txt"
    subjects.write_text(f"{SUBJECT}\n")
    with pytest.raises(SettingsError, match="needs mimic-cxr-jpg, which --only leaves out"):
        download(tmp_path, stages=["build", "images"], subjects=subjects, only=["mimiciv"])


def test_images_of_some_subjects_come_through_the_metadata(
    site: PhysioNet, network: Network, credentials: Credentials, tmp_path: Path
) -> None:
    publish_everything(site)
    subjects = tmp_path / "subjects.txt"
    subjects.write_text(f"subject_id\n{SUBJECT}\n\n{SUBJECT_OF[IMAGE_IDS[7]]}\n")
    report = download(tmp_path / "s", stages=["images"], subjects=subjects, network=network, credentials=credentials)
    assert report.images == {"fetched": 3}  # the fourth is lateral
    for image in (IMAGE_IDS[0], IMAGE_IDS[1], IMAGE_IDS[6]):
        assert (tmp_path / "s/mimic-cxr-jpg/2.0.0" / image_file(image)).read_bytes() == jpeg(image)
    # nothing was found by crawling: every request names a file
    assert not any(one.path.endswith("/") for one in site.seen)


def test_images_of_the_built_databases(
    site: PhysioNet, network: Network, credentials: Credentials, tmp_path: Path
) -> None:
    publish_everything(site)
    out = built_output(tmp_path / "out", IMAGE_IDS[:4], IMAGE_IDS[4:6])
    report = download_images(out, split="test", network=network, credentials=credentials)
    assert report.images == {"fetched": 2}
    assert report.root == out / "sources"
    report = download_images(out, network=network, credentials=credentials)
    assert report.images == {"fetched": 4, "present": 2}
    kept = sorted(path.stem for path in (out / "sources").rglob("*.jpg"))
    assert kept == sorted(IMAGE_IDS[:6])
    assert [one.path for one in site.gets() if not one.path.endswith(".jpg")] == [
        "mimic-cxr-jpg/2.0.0/SHA256SUMS.txt"
    ] * 2


def test_a_dry_run_over_many_images_asks_for_a_sample_of_sizes(
    site: PhysioNet, network: Network, credentials: Credentials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_everything(site)
    monkeypatch.setattr("ehrxqa.sources.download.run.SIZE_SAMPLE", 3)
    out = built_output(tmp_path / "out", IMAGE_IDS[:4], IMAGE_IDS[4:8])
    report = download_images(out, dry_run=True, network=network, credentials=credentials)
    assert report.images == {"missing": 8}
    assert report.estimated
    assert report.expected_bytes == 8 * len(jpeg(IMAGE_IDS[0]))
    assert sum(one.method == "HEAD" and one.path.endswith(".jpg") for one in site.seen) == 3
    assert "about" in report.as_text()
    assert not list(out.rglob("*.jpg"))


def test_messages_and_reports_name_no_subject(
    site: PhysioNet, network: Network, credentials: Credentials, tmp_path: Path
) -> None:
    publish_everything(site)
    out = built_output(tmp_path / "out", IMAGE_IDS[:4], IMAGE_IDS[4:8])
    del site.files["mimic-cxr-jpg/2.0.0/" + image_file(IMAGE_IDS[2])]
    with pytest.raises(DownloadError, match=r"image 3 \(00000003…\).*404") as caught:
        download_images(out, network=network, credentials=credentials)
    report = download_images(out, split="test", network=network, credentials=credentials)
    for text in (str(caught.value), report.as_text(), json.dumps(report.as_json())):
        assert "99000" not in text
        assert "88000" not in text


def test_an_image_without_checksum_must_be_a_whole_jpeg(
    site: PhysioNet, network: Network, credentials: Credentials, tmp_path: Path
) -> None:
    publish_everything(site)
    cxr = "mimic-cxr-jpg/2.0.0"
    sums = site.files[f"{cxr}/SHA256SUMS.txt"].decode().splitlines(keepends=True)
    site.files[f"{cxr}/SHA256SUMS.txt"] = "".join(line for line in sums if ".jpg" not in line).encode()
    out = built_output(tmp_path / "out", IMAGE_IDS[:1], IMAGE_IDS[1:2])
    whole = site.files[f"{cxr}/{image_file(IMAGE_IDS[0])}"]
    site.files[f"{cxr}/{image_file(IMAGE_IDS[0])}"] = whole[:-4]
    with pytest.raises(DownloadError, match="not a whole JPEG"):
        download_images(out, network=network, credentials=credentials)
    assert [path.stem for path in out.rglob("*.jpg")] == [IMAGE_IDS[1]]
    site.files[f"{cxr}/{image_file(IMAGE_IDS[0])}"] = whole
    assert download_images(out, network=network, credentials=credentials).images == {
        "fetched": 1,
        "present, not checked": 1,
    }


def test_a_synthetic_output_is_refused(tmp_path: Path) -> None:
    out = built_output(tmp_path / "out", IMAGE_IDS[:1], IMAGE_IDS[1:2])
    for synthetic in (True, False):  # with the open demo's tables, the images are made up too
        Manifest(synthetic=synthetic, settings={}, hybrid=not synthetic).write(out)
        with pytest.raises(SourceError, match="synthetic hospital"):
            download_images(out)


@pytest.mark.parametrize(
    "image_id",
    ["../../etc/passwd", "0" * 8, "A" * 8 + "-00000000" * 4, "00000001-00000000-11111111-22222222-33333333x"],
)
def test_an_image_id_cannot_lead_elsewhere(image_id: str, tmp_path: Path) -> None:
    out = built_output(tmp_path / "out", [], [])
    import sqlite3

    with sqlite3.connect(out / "database/train/mimic_iv_cxr.db") as connection:
        connection.execute("INSERT INTO TB_CXR VALUES (99000001, 88000001, ?)", (image_id,))
    connection.close()
    with pytest.raises(SourceError, match="five groups"):
        download_images(out)


def test_an_output_without_databases_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="ehrxqa build"):
        download_images(tmp_path)
    (tmp_path / "database/train").mkdir(parents=True)
    (tmp_path / "database/train/mimic_iv_cxr.db").write_text("not a database, but long enough to be read as one" * 20)
    with pytest.raises(SourceError, match="not a built database"):
        download_images(tmp_path)


def test_questions_choose_their_images(tmp_path: Path) -> None:
    out = built_output(tmp_path / "out", IMAGE_IDS[:6], IMAGE_IDS[6:])
    database = out / "database/train/mimic_iv_cxr.db"
    file = tmp_path / "questions.json"

    def images(*records: dict[str, object], split: str | None = None) -> list[str]:
        file.write_text(json.dumps(list(records)))
        return [image.image_id for image in database_images(database, choice_of_questions(file, split))]

    vision = {"query": 'select func_vqa("is there a line?", t1.study_id) from t1', "_gold_program": "select 1"}
    labels = {"query": "select 1", "_gold_program": "select count(*) from tb_cxr_plus"}
    table = {"query": "select gender from patients", "value": {"patient_id": SUBJECT}}
    assert images({"image_id": IMAGE_IDS[2]}) == [IMAGE_IDS[2]]
    assert images({**vision, "value": {"patient_id": SUBJECT}}, table) == IMAGE_IDS[:2]
    # a study may be compared with an earlier one of its subject
    assert images({**labels, "value": {"study_id1": STUDY_OF[IMAGE_IDS[2]]}}) == IMAGE_IDS[2:4]
    assert images({**labels, "value": {}}) == IMAGE_IDS[:6]
    assert images({**labels, "value": {}, "split": "test"}, {"image_id": IMAGE_IDS[0]}, split="train") == [IMAGE_IDS[0]]
    with pytest.raises(RecordError, match="no question in it needs an image"):
        images(table)


@pytest.mark.parametrize("text", ["{}", "[1]", "[", "\x00", '[{"query": "func_vqa", "value": {"patient_id": "x"}}]'])
def test_a_file_that_holds_no_questions_is_one_clear_error(text: str, tmp_path: Path) -> None:
    file = tmp_path / "q.json"
    file.write_text(text)
    with pytest.raises(RecordError, match=r"q\.json"):
        choice_of_questions(file)


def test_questions_about_everybody_need_the_databases(tmp_path: Path) -> None:
    file = tmp_path / "q.json"
    file.write_text(json.dumps([{"query": "func_vqa", "value": {}}]))
    with pytest.raises(SettingsError, match="1 of its questions are about all subjects"):
        download(tmp_path, stages=["images"], questions=file)


@pytest.mark.parametrize("text", ["", "# none\n", "12345678901234\n", "name\nSmith\n", "subject_id,x\n,1\n"])
def test_a_file_of_subjects_is_read_strictly(text: str, tmp_path: Path) -> None:
    file = tmp_path / "subjects.csv"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"subjects\.csv"):
        read_subjects(file)


def test_metadata_is_read_packed_and_unpacked_and_damage_is_one_clear_error(tmp_path: Path) -> None:
    packed, plain = tmp_path / "m.csv.gz", tmp_path / "m.csv"
    packed.write_bytes(gzip.compress(metadata_csv().encode()))
    plain.write_text(metadata_csv())
    everything = ImageSelection(everything=True)
    assert metadata_images(packed, everything) == metadata_images(plain, everything)
    assert len(metadata_images(plain, everything)) == 7
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(SourceError, match="is damaged"):
        metadata_images(packed, everything)
    plain.write_text(metadata_csv().replace("ViewPosition", "View"))
    with pytest.raises(SourceError, match="column ViewPosition is missing"):
        metadata_images(plain, everything)
    plain.write_text("dicom_id,subject_id,study_id,ViewPosition\nx,one,2,PA\n")
    with pytest.raises(SourceError, match="line 2"):
        metadata_images(plain, everything)


def test_image_paths_follow_the_rule() -> None:
    image = Image(99123456, 88123456, IMAGE_IDS[0])
    assert image.path == f"files/p99/p99123456/s88123456/{IMAGE_IDS[0]}.jpg"


def test_every_error_of_this_package_is_one_of_ours() -> None:
    assert issubclass(DownloadError, EhrxqaError)
