"""The explorer as an ASGI application: which address leads to which page."""

from __future__ import annotations

from importlib.resources import files

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ehrxqa.errors import EhrxqaError
from ehrxqa.explorer import views, views_work
from ehrxqa.explorer.answering import missing, on_error, on_fault
from ehrxqa.explorer.safety import Guard, Policy
from ehrxqa.explorer.state import Explorer
from ehrxqa.explorer.static_pages import STATIC_FILES

__all__ = ["make_app"]


def make_app(explorer: Explorer, policy: Policy) -> Starlette:
    """The application that shows an output folder.

    Args:
        explorer: What pages are made from.
        policy: Who may see what.
    """
    routes = [Route("/", views.home), Route("/static/{name}", _static), Route("/favicon.ico", _icon)]
    for path, view in (
        ("/questions", views.questions),
        ("/question/{split}/{identifier}", views.question),
        ("/subject/{subject_id:int}", views.subject),
        ("/image/{image_id}", views.image),
    ):
        routes += [Route(path + ".json", view), Route(path, view)]
    routes += [
        Route("/ask", views_work.ask),
        Route("/ask.json", views_work.ask),
        Route("/schema.json", views_work.schema),
        Route("/runs", views_work.runs),
        Route("/runs/{identifier}", views_work.run),
        Route("/compare", views_work.compare),
        Route("/audit", views_work.audit),
        Route("/audit", views_work.start_audit, methods=["POST"]),
        Route("/audit/{split}/{identifier}", views_work.judge, methods=["POST"]),
        Route("/quiz", views_work.quiz),
        Route("/quiz/{number:int}", views_work.quiz_item),
        Route("/quiz/{number:int}", views_work.quiz_reveal, methods=["POST"]),
        Route("/study/{study_id:int}", views.study),
        Route("/picture/{image_id}.jpg", views.picture),
        Route("/thumbnail/{image_id}.jpg", views.thumbnail),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Guard, policy)],
        exception_handlers={HTTPException: on_error, EhrxqaError: on_fault, OSError: on_fault},
    )
    app.state.explorer = explorer
    return app


def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in STATIC_FILES:
        raise missing("There is no such file.")
    content = (files("ehrxqa.explorer") / "static" / name).read_bytes()
    return Response(content, media_type=STATIC_FILES[name])


def _icon(request: Request) -> Response:
    request.path_params["name"] = "icon.svg"
    return _static(request)
