"""The pages for working: Ask, runs, audit, quiz."""

from __future__ import annotations

import random
from collections import Counter
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ehrxqa.errors import SettingsError
from ehrxqa.explorer.addresses import Addresses
from ehrxqa.explorer.answering import explorer_of, form_of, json_response, missing, page
from ehrxqa.explorer.data_ask import EXAMPLES, LIMITS, Answered, Refused, names_of, schema_words
from ehrxqa.explorer.data_audit import FLAG_WORDS, OPEN, VERDICTS
from ehrxqa.explorer.data_quiz import MOST
from ehrxqa.explorer.data_runs import VERDICTS as RUN_VERDICTS
from ehrxqa.explorer.marking import marked_sql
from ehrxqa.explorer.state import Explorer
from ehrxqa.models.run_records import FAULTS

__all__ = [
    "ask",
    "audit",
    "compare",
    "judge",
    "quiz",
    "quiz_item",
    "quiz_reveal",
    "run",
    "runs",
    "schema",
    "start_audit",
]

#: Rows of the audit on one page.
_AUDIT_ROWS = 100
#: Questions of a comparison that are listed.
_MOST_DIFFERENCES = 100


def ask(request: Request) -> Response:
    """A query and its rows; not run if another site sent the reader here with it."""
    explorer = explorer_of(request)
    sql = request.query_params.get("sql", "")[: 2 * LIMITS.sql_length]
    base = _base(explorer, request)
    foreign = request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
    result: Answered | Refused | None = None
    if sql and not foreign:
        result = explorer.asking.ask(base, sql)
    if request.url.path.endswith(".json"):
        return json_response({"base": base, "sql": sql, "result": result})
    return page(
        request,
        "ask.html",
        to=Addresses(),
        sql=sql,
        written=marked_sql(sql, explorer.library.table_names(base)) if sql else (),
        base=base,
        bases=tuple(explorer.library.databases),
        result=result,
        refused=isinstance(result, Refused),
        foreign=foreign and bool(sql),
        examples=EXAMPLES,
        limits=LIMITS,
        tables=schema_words(explorer.library, base),
    )


def _base(explorer: Explorer, request: Request) -> str:
    given = request.query_params.get("base")
    bases = explorer.library.databases
    return given if given in bases else "test" if "test" in bases else next(iter(bases))


def schema(request: Request) -> Response:
    """Tables and columns, for completion."""
    explorer = explorer_of(request)
    return json_response(names_of(schema_words(explorer.library, _base(explorer, request))))


def runs(request: Request) -> Response:
    """All runs."""
    board = explorer_of(request).runs
    found = board.runs()
    return page(
        request,
        "runs.html",
        to=Addresses(),
        runs=found,
        unfinished=board.unfinished,
        faults=board.faults,
        verdicts=RUN_VERDICTS,
        fault_names=FAULTS,
    )


def run(request: Request) -> Response:
    """One run."""
    board = explorer_of(request).runs
    identifier = request.path_params["identifier"]
    wants_json = identifier.endswith(".json")
    view = board.view(identifier.removesuffix(".json") if wants_json else identifier)
    if view is None:
        raise missing("There is no such run that has ended.")
    if wants_json:
        return json_response({"run": view.stored.run, "summary": view.stored.scores.summary, "families": view.families})
    made = view.stored.run
    others = [other for other in board.runs() if other.id != made.id and other.run.split == made.split]
    return page(request, "run.html", to=Addresses(), view=view, others=others, verdicts=RUN_VERDICTS)


def compare(request: Request) -> Response:
    """Two runs side by side."""
    found = explorer_of(request).runs.compare(request.query_params.get("a", ""), request.query_params.get("b", ""))
    if found is None:
        raise missing("There are no two such runs over the same split.")
    return page(request, "compare.html", to=Addresses(), view=found, verdicts=RUN_VERDICTS, most=_MOST_DIFFERENCES)


def audit(request: Request) -> Response:
    """Flagged questions, with the verdicts of readers."""
    explorer = explorer_of(request)
    rows = explorer.audit.rows()
    chosen = request.query_params.get("only", "")
    counts = Counter(kind for row in rows for kind in row.kinds)
    shown = [row for row in rows if chosen == "" or chosen in row.kinds]
    return page(
        request,
        "audit.html",
        to=Addresses(),
        audit=explorer.audit,
        rows=shown[:_AUDIT_ROWS],
        total=len(shown),
        chosen=chosen,
        kinds=[(kind, counts[kind]) for kind in (OPEN, *FLAG_WORDS, *VERDICTS) if counts[kind] or kind == chosen],
        words=FLAG_WORDS,
    )


async def start_audit(request: Request) -> Response:
    """Begin to check all golds."""
    explorer_of(request).audit.start()
    return RedirectResponse("/audit", status_code=303)


async def judge(request: Request) -> Response:
    """Keep the verdict of a reader."""
    explorer = explorer_of(request)
    item = explorer.index.item(request.path_params["split"], request.path_params["identifier"])
    if item is None:
        raise missing("There is no such question.")
    form = await form_of(request)
    try:
        await run_in_threadpool(explorer.audit.judge, item, form.get("verdict", ""), form.get("comment", ""))
    except SettingsError as error:
        raise HTTPException(400, str(error)) from error
    back = "/audit" if form.get("back") == "audit" else Addresses().question(item.split, item.id)
    return RedirectResponse(f"{back}#verdict" if back != "/audit" else back, status_code=303)


def quiz(request: Request) -> Response:
    """A new quiz begins at a number of its own."""
    return RedirectResponse(f"/quiz/{random.randrange(MOST)}", status_code=303)


def _tally(fields: dict[str, str]) -> tuple[int, int]:
    """Right answers and answers so far; what makes no sense counts as none."""
    values = [fields.get(name, "") for name in ("right", "asked")]
    right, asked = (int(value) if value.isascii() and value.isdigit() and len(value) < 6 else 0 for value in values)
    return min(right, asked), asked


def quiz_item(request: Request) -> Response:
    """A question of the quiz, without its answer."""
    item = explorer_of(request).quiz.item(request.path_params["number"] % MOST)
    right, asked = _tally(dict(request.query_params))
    return page(request, "quiz.html", to=Addresses(), item=item, revealed=None, right=right, asked=asked, next="")


async def quiz_reveal(request: Request) -> Response:
    """The answer to a question of the quiz."""
    explorer = explorer_of(request)
    number = request.path_params["number"] % MOST
    form = await form_of(request)
    item = await run_in_threadpool(explorer.quiz.item, number)
    if item is None:
        raise missing("There are no X-rays with boxes to ask about.")
    click = _click(form, item.view.width, item.view.height)
    revealed = await run_in_threadpool(explorer.quiz.reveal, number, click)
    right, asked = _tally(form)
    right, asked = right + (revealed is not None and revealed.right), asked + 1
    following = f"/quiz/{(number + 1) % MOST}?{urlencode({'right': right, 'asked': asked})}"
    return await run_in_threadpool(
        page,
        request,
        "quiz.html",
        to=Addresses(),
        item=item,
        revealed=revealed,
        right=right,
        asked=asked,
        next=following,
    )


#: Width of the picture where no script says how large it is shown; the template has it, too.
QUIZ_WIDTH = 344


def _click(form: dict[str, str], width: int, height: int) -> tuple[float, float] | None:
    """Where a form says that the reader clicked: parts of the picture (by script), or pixels of the picture shown."""
    if "absent" in form:
        return None
    try:
        if form.get("part_x"):
            x, y = float(form["part_x"]) * width, float(form["part_y"]) * height
        else:
            scale = width / QUIZ_WIDTH
            x, y = float(form["place.x"]) * scale, float(form["place.y"]) * scale
    except (KeyError, ValueError) as error:
        raise HTTPException(400, "Click on the picture, or say that it is not there.") from error
    if not (0 <= x <= width and 0 <= y <= height):
        raise HTTPException(400, "That is not on the picture.")
    return x, y
