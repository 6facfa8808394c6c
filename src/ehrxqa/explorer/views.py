"""The pages for reading: questions, a question, a subject, an image, and their pictures."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from ehrxqa.explorer.addresses import Addresses
from ehrxqa.explorer.answering import addresses_of, explorer_of, json_response, missing, page
from ehrxqa.explorer.data_images import image_view
from ehrxqa.explorer.data_question import question_view
from ehrxqa.explorer.data_questions import SORTS, Item
from ehrxqa.explorer.data_subject import subject_view
from ehrxqa.explorer.pages import image_page, question_page, subject_page
from ehrxqa.explorer.state import Explorer

__all__ = ["home", "image", "picture", "question", "questions", "study", "subject", "thumbnail"]


def home(request: Request) -> Response:
    """The first page."""
    return page(request, "home.html", to=Addresses(), view=explorer_of(request).home)


def questions(request: Request) -> Response:
    """The list of questions."""
    explorer, to = explorer_of(request), addresses_of(request)
    explorer.runs.runs()  # so that new ones have a facet
    listing = explorer.index.listing(to.selection)
    if request.url.path.endswith(".json"):
        found = [
            {"split": item.split, "facts": item.facts, "kind": item.kind, "record": item.record}
            for item in listing.items
        ]
        return json_response(
            {
                "total": listing.total,
                "page": listing.page,
                "pages": listing.pages,
                "facets": listing.facets,
                "questions": found,
            }
        )
    return page(request, "questions.html", to=to, listing=listing, selection=to.selection, sorts=SORTS)


def question(request: Request) -> Response:
    """A question with its proof."""
    explorer, to = explorer_of(request), addresses_of(request)
    item = _item(explorer, request)
    neuralsql = request.query_params.get("steps") == "neuralsql"
    view = question_view(explorer.library, explorer.explanations, item, neuralsql=neuralsql)
    if request.url.path.endswith(".json"):
        return json_response(
            {
                "record": item.record,
                "facts": item.facts,
                "wordings": view.wordings,
                "explanation": view.explanation,
                "fault": view.fault,
                "runs": explorer.runs.answers(item, frozenset()),
                "findings": explorer.audit.known(item),
                "erratum": explorer.audit.erratum(item),
                "images": [study.view for study in view.studies if study.view is not None],
            }
        )
    check = request.query_params.get("check") == "1"
    template, values = question_page(explorer, item, view, to, check=check)
    return page(request, template, to=to, **values)


def _item(explorer: Explorer, request: Request) -> Item:
    split, identifier = request.path_params["split"], request.path_params["identifier"]
    item = explorer.index.item(split, identifier)
    if item is None:
        raise missing(f"There is no question {identifier[:40]} in {split[:40]}.")
    return item


def subject(request: Request) -> Response:
    """A subject."""
    explorer = explorer_of(request)
    view = subject_view(explorer.library, request.path_params["subject_id"])
    if view is None:
        raise missing("There is no such subject in the databases.")
    if request.url.path.endswith(".json"):
        return json_response(view)
    template, values = subject_page(view)
    return page(request, template, **values)


def image(request: Request) -> Response:
    """An image."""
    explorer = explorer_of(request)
    view = image_view(explorer.library, request.path_params["image_id"])
    if view is None:
        raise missing("There is no such image in the databases.")
    if request.url.path.endswith(".json"):
        return json_response(view)
    other = image_view(explorer.library, request.query_params.get("beside", ""))
    beside = other if other is not None and other.study in view.others and other.study != view.study else None
    template, values = image_page(view, beside)
    return page(request, template, **values)


def study(request: Request) -> Response:
    """The way from a study to its image."""
    explorer = explorer_of(request)
    found = explorer.library.studies.get(request.path_params["study_id"])
    if found is None:
        raise missing("There is no such study in the databases.")
    return RedirectResponse(addresses_of(request).image(found.image_id), status_code=303)


def picture(request: Request) -> Response:
    """The picture of an image: a file that the databases name, wherever the request comes from."""
    path = explorer_of(request).library.picture(request.path_params["image_id"])
    if path is None:
        raise missing("There is no picture of this image.")
    return FileResponse(path, media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"})


def thumbnail(request: Request) -> Response:
    """A small picture of an image."""
    explorer = explorer_of(request)
    path = explorer.library.picture(request.path_params["image_id"])
    if path is None:
        raise missing("There is no picture of this image.")
    content = explorer.thumbnails.of(path)
    return Response(content, media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"})
