"""Pages for reading: they say what the data say, and every address in them leads somewhere."""

from __future__ import annotations

import re
from collections import deque
from html import unescape

import pytest
from asking import Client, links_of

from ehrxqa.explain.why import why
from ehrxqa.explorer.library import Library, open_library
from ehrxqa.explorer.state import Explorer


def _text(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", "", html)).split())


def test_from_the_first_page_to_why_in_two_clicks(site: Client):
    questions = [link for tag, link in links_of(site.get("/").text) if link.startswith("/question/")]
    assert questions
    page = site.get(questions[0])
    assert page.status == 200
    assert 'id="why"' in page.text
    assert "step-1" in page.text


def test_a_question_shows_its_text_answer_steps_and_sql(site: Client, explorer: Explorer, folder):
    for item in explorer.index.items:
        if item.split != "test":
            continue
        page = site.get(f"/question/test/{item.id}")
        assert page.status == 200
        text = _text(page.text)
        assert " ".join(item.question.split()) in text
        value = why(folder / "ehrxqa", item.id, split="test")
        assert page.text.count('<details class="step"') == len(value.steps)
        assert re.sub(r"\s", "", item.record["query"]) in re.sub(r"\s", "", text)
        for study in value.evidence.studies:
            assert f"study {study.study_id}" in text or f"/image/{study.image_id}" in page.text


def test_json_is_the_same_question(site: Client, explorer: Explorer):
    item = next(item for item in explorer.index.items if item.images and item.split == "test")
    value = site.get(f"/question/test/{item.id}.json").json
    assert value["record"] == item.record
    assert value["facts"]["family"] == item.facts.family
    assert value["explanation"]["computed"] == item.record["answer"]
    assert value["images"][0]["boxes"]
    assert "/tmp" not in site.get(f"/question/test/{item.id}.json").text  # no path of this machine


def test_the_xray_of_a_question_marks_the_boxes_asked_about(site: Client, explorer: Explorer, library: Library):
    found = 0
    for item in explorer.index.items:
        objects = (item.record.get("v_tag") or {}).get("object") or []
        if item.split != "test" or not item.images or not objects:
            continue
        page = site.get(f"/question/test/{item.id}").text
        boxes = {box.object: box for box in library.boxes(item.images[0])}
        for name in objects:
            if name in boxes:
                found += 1
                box = boxes[name]
                assert re.search(
                    rf'class="box asked[^>]*>\s*<title>{name}[^<]*</title>\s*<rect x="{box.x1}" y="{box.y1}"', page
                ), (item.id, name)
    assert found


def test_facets_search_and_order(site: Client, explorer: Explorer):
    everything = explorer.index.items
    listing = site.get("/questions.json?modality=Image&split=test").json
    assert listing["total"] == sum(item.facts.modality == "Image" and item.split == "test" for item in everything)
    both = site.get("/questions.json?modality=Image&modality=Table").json["total"]
    assert both == sum(item.facts.modality in ("Image", "Table") for item in everything)
    for facet in site.get("/questions.json?modality=Image").json["facets"]:
        for value in facet["values"]:
            other = {"modality": {value["value"]} if facet["name"] == "modality" else {"Image"}}
            if facet["name"] == "family":
                count = sum(i.facts.family == value["value"] and i.facts.modality == "Image" for i in everything)
                assert value["count"] == count
            elif facet["name"] == "modality":
                assert value["count"] == sum(i.facts.modality in other["modality"] for i in everything)
    word = everything[0].question.split()[-2].lower()
    found = site.get(f"/questions.json?q={word}").json
    assert found["total"] == sum(
        word in f"{i.split} {i.id} {i.question} {i.record['query']}".lower() for i in everything
    )
    lengths = [len(q["record"]["question"]) for q in site.get("/questions.json?sort=long").json["questions"]]
    assert lengths == sorted(lengths, reverse=True)


def test_previous_and_next_stay_in_the_list_one_comes_from(site: Client):
    page = site.get("/questions?modality=Image&sort=short").text
    listed = [unescape(link) for tag, link in links_of(page) if link.startswith("/question/")]
    for place, address in enumerate(listed[:3]):
        nexts = re.findall(r'rel="next" href="([^"]+)"', site.get(address).text)
        assert [unescape(link) for link in nexts] == [listed[place + 1]]


def test_a_subject_shows_admissions_studies_and_measurements(site: Client, library: Library):
    subject = max(library.by_subject, key=lambda subject: len(library.by_subject[subject]))
    page = site.get(f"/subject/{subject}").text
    value = site.get(f"/subject/{subject}.json").json
    assert value["subject_id"] == subject
    assert len(value["studies"]) == len(library.by_subject[subject])
    for study in library.by_subject[subject]:
        assert f"/image/{study.image_id}" in page
    for admission in value["admissions"]:
        assert f'id="admission-{admission["hadm_id"]}"' in page
    with library.sandbox(value["base"]) as sandbox:
        counted = sandbox.run(
            "SELECT count(*) FROM labevents WHERE subject_id = ? AND valuenum IS NOT NULL", (subject,)
        ).rows
    assert sum(len(series["points"]) for series in value["labs"]) == counted[0][0]


def test_pictures_and_thumbnails(site: Client, library: Library):
    image = next(iter(library.by_image))
    path = library.picture(image)
    assert path is not None
    assert site.get(f"/picture/{image}.jpg").content == path.read_bytes()
    small = site.get(f"/thumbnail/{image}.jpg")
    assert small.headers["content-type"] == "image/jpeg"
    assert len(small.content) < path.stat().st_size


def test_every_link_leads_somewhere(site: Client):
    seen, waiting = {"/"}, deque(["/"])
    kinds: dict[str, int] = {}
    while waiting:
        address = waiting.popleft()
        answer = site.get(address)
        assert answer.status in (200, 303), address
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        text = answer.text
        anchors = set(re.findall(r'id="([^"]+)"', text))
        for tag, link in links_of(text):
            link = unescape(link)
            if tag == "form":
                continue
            if link.startswith("#"):
                assert link[1:] in anchors, (address, link)
                continue
            assert link.startswith(("/", "?")), (address, link)  # nothing from elsewhere
            if link.startswith("?"):
                link = address.partition("?")[0] + link
            link = link.partition("#")[0]
            kind = re.sub(r"[0-9a-f]{8}-[0-9a-f-]+|\d+", "N", link.partition("?")[0]) + f" {tag}" + ("?" in link) * "?"
            if link not in seen and kinds.get(kind, 0) < 12:
                kinds[kind] = kinds.get(kind, 0) + 1
                seen.add(link)
                waiting.append(link)
    assert len(seen) > 60


@pytest.mark.parametrize(
    "address",
    ["/question/test/999999", "/question/other/1", "/subject/1", "/image/none", "/picture/none.jpg", "/x", "/study/1"],
)
def test_what_is_not_there_is_said_on_a_page(site: Client, address: str):
    answer = site.get(address)
    assert answer.status == 404
    assert "This cannot be shown" in answer.text


def test_a_build_without_sources_has_no_pictures_but_all_else(folder):
    library = open_library(folder / "ehrxqa")
    image = next(iter(library.by_image))
    assert library.picture(image) is None
    assert library.boxes(image) == ()
    assert library.findings(library.by_image[image]) is not None
