"""`ehrxqa agent`: the reference agent on the questions of a split, as a run with all that made its numbers."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ehrxqa.agents.agent_scores import agent_scores, lines_of
from ehrxqa.agents.budget import Budget
from ehrxqa.agents.opened import LIMITS, Build, open_build
from ehrxqa.agents.reference import Asking, agent_version, solve
from ehrxqa.agents.tools import Tools
from ehrxqa.arguments import checked
from ehrxqa.counting import counted
from ehrxqa.dataset.belonging import ASK_OTHERS, check_belongs
from ehrxqa.errors import SettingsError
from ehrxqa.layout import DATABASE_OF_SPLIT, SPLITS
from ehrxqa.models.executing import answer_cache
from ehrxqa.models.provenance import input_digests, package_versions, working_copy
from ehrxqa.models.question_set import QuestionSet, chosen_questions
from ehrxqa.models.report import RunReport
from ehrxqa.models.run_folder import (
    OUTCOMES,
    QUERIES,
    TRACE,
    line_text,
    read_outcomes,
    read_run,
    write_run,
)
from ehrxqa.models.run_identity import end_run, open_run, told_arguments
from ehrxqa.models.run_records import (
    Cost,
    OutcomeLine,
    QueryLine,
    QuestionLimits,
    Run,
    System,
)
from ehrxqa.net.chat import ChatClient, Patience, Reply
from ehrxqa.net.consent import Ask, require_consent
from ehrxqa.net.endpoint import find_key, named_endpoint
from ehrxqa.progress import Progress
from ehrxqa.runs.lines import Lines
from ehrxqa.runs.manifest import read_manifest
from ehrxqa.shown_progress import FITTING

__all__ = ["run_agent"]

#: Arguments that cannot change a number, and those that others stand for.
_NOT_RECORDED: Final = (
    "out",
    "concurrency",
    "progress",
    "name",
    "restart",
    "confirm_endpoint",
    "ask",
    "patience",
    "budget",
)


@checked
def run_agent(
    out: Path | str,
    *,
    endpoint: str,
    model: str,
    split: str = "test",
    vision: str = "oracle",
    images: Path | str | None = None,
    questions: Path | str | None = None,
    subset: str | None = None,
    ids: Path | str | None = None,
    limit: int | None = None,
    trials: int = 1,
    temperature: float | None = None,
    seed: int = 0,
    profile: str = "paper",
    budget: Budget | None = None,
    pictures: bool = False,
    name: str | None = None,
    restart: bool = False,
    concurrency: int = 4,
    confirm_endpoint: str | None = None,
    ask: Ask | None = None,
    patience: Patience | None = None,
    progress: Progress = FITTING,
) -> RunReport:
    """Let a model behind an endpoint answer questions with the tools.

    A run that was interrupted goes on: a question that was answered is not asked again.

    Args:
        out: Output folder of a build with questions.
        endpoint: Address of an OpenAI-compatible endpoint whose model calls tools.
        model: The model's name there.
        split: train, valid or test.
        vision: Who answers image questions; `none` for nobody.
        images: Folder of MIMIC-CXR-JPG, for pictures and for models that look at images.
        questions: Another question file of this split.
        subset: `mini-100`, a modality or a scope.
        ids: File with the ids to ask.
        limit: Ask only the first so many.
        trials: How often each question is asked.
        temperature: Sent if given.
        seed: Sent, one more with each trial.
        profile: Rules of the comparison.
        budget: Of one question.
        pictures: Whether the model may look at pictures; they are sent to the endpoint.
        name: Of the folder below `OUT/runs`.
        restart: Throw away what the folder holds.
        concurrency: Questions at a time.
        confirm_endpoint: Host of the endpoint: allows sending to it. Not needed on this machine with synthetic data.
        ask: Asked to confirm instead.
        patience: How long to wait for the endpoint.
        progress: Told what happens.

    Raises:
        SettingsError: An argument makes no sense, nobody confirmed, or the folder holds another run.
        RecordError: A file cannot be read, or the database is not the one the questions are about.
        EndpointError: The endpoint refuses or fails; what was answered is kept for the next run.
    """
    given = {key: value for key, value in locals().items() if key not in _NOT_RECORDED}
    if split not in SPLITS:
        raise SettingsError(f"split must be one of {', '.join(SPLITS)}, not {split!r}")
    if min(trials, concurrency) < 1 or (limit is not None and limit < 1) or not model.strip():
        raise SettingsError("trials, limit and concurrency are at least 1, and the model has a name")
    if pictures and images is None:
        raise SettingsError("pictures are shown from the folder of images; give --images")
    out, where, limits = Path(out), named_endpoint(endpoint), budget or Budget()
    chosen, asked = chosen_questions(out, split, questions, subset, ids, limit)
    manifest = read_manifest(out)
    synthetic = manifest is not None and manifest.synthetic is True
    shown = "rows and X-rays" if pictures else "rows"
    what = f"{counted(chosen.questions, 'question')} and the {shown} that the model asks for"
    require_consent(where, what, synthetic=synthetic, confirmed=confirm_endpoint, ask=ask)
    asking = Asking(model, temperature, seed, pictures)
    with open_build(
        out, split, vision=None if vision == "none" else vision, images=images, cache=answer_cache(out)
    ) as build:
        digests = input_digests(asked.path, build.database, images)
        records, base = asked.records.values(), DATABASE_OF_SPLIT[split]
        check_belongs(build.database, digests["database"], asked.path, records, base=base, hint=ASK_OTHERS)
        commit, dirty = working_copy()
        seen = (
            System("none", "none", "0")
            if build.model is None
            else System(vision, build.model.name, build.model.version)
        )
        record = Run(
            id="",
            status="running",
            kind="agent",
            split=split,
            parser=System(f"agent:{model}", f"reference agent with {model} at {where.host}", agent_version(asking)),
            vision=seen,
            seed=seed,
            trials=trials,
            limits=QuestionLimits(LIMITS.seconds, limits.rows, limits.image_questions, limits.tokens, limits.calls),
            arguments=told_arguments(given, run_agent),
            digests=digests,
            packages=package_versions(),
            commit=commit,
            dirty=dirty,
            subset=chosen,
            synthetic=synthetic,
        )
        with open_run(out, record, name=name, profile=profile, restart=restart) as (folder, record, done):
            if done is not None:
                return RunReport(folder, read_run(folder), done, True)
            write_run(folder, record)
            with ChatClient(where, find_key(where), connections=concurrency, patience=patience) as client:
                _work(_Work(folder, build, client, asking, limits), asked, trials, concurrency, progress)
            scores, used = agent_scores(folder, asked, split, trials, profile, seed)
            record = end_run(folder, record, used, asked.records, read_outcomes(folder), scores)
    return RunReport(folder, record, scores, False)


@dataclass(frozen=True)
class _Work:
    folder: Path
    build: Build
    client: ChatClient
    asking: Asking
    budget: Budget


def _work(work: _Work, asked: QuestionSet, trials: int, concurrency: int, progress: Progress) -> None:
    """Have an outcome for every question and trial; what is done is written at once."""
    known = read_outcomes(work.folder)
    keys = [(identifier, trial) for trial in range(trials) for identifier in asked.records]
    left = [key for key in keys if key not in known]
    if not left:
        return
    lock = threading.Lock()
    with (
        Lines[QueryLine](work.folder / QUERIES, line_text) as queries,
        Lines[OutcomeLine](work.folder / OUTCOMES, line_text) as outcomes,
        Lines[dict[str, Any]](work.folder / TRACE, line_text) as traces,
        progress.task(f"agent {work.asking.model}", total=len(left), unit="questions") as task,
        ThreadPoolExecutor(concurrency) as pool,
    ):

        def one(key: tuple[str, int]) -> None:
            identifier, trial = key
            tools = Tools(work.build, work.budget)
            counted = _Counted(work.client)
            solve(counted, work.asking, tools, asked.records[identifier]["question"], trial)
            trace = tools.trace
            cost = Cost(counted.requests, counted.tokens_in, counted.tokens_out, 0, round(trace.spent.seconds, 3))
            query, outcome = lines_of(identifier, trial, trace, cost)
            with lock:  # the outcome last: it says that the question is done
                traces.add({"id": identifier, "trial": trial, **trace.record()})
                queries.add(query)
                outcomes.add(outcome)

        futures = [pool.submit(one, key) for key in left]
        try:
            for future in as_completed(futures):
                future.result()
                task.advance()
        except BaseException:
            work.client.clock.cancel()
            for future in futures:
                future.cancel()
            raise


class _Counted:
    """Asks the endpoint, and counts what that costs."""

    def __init__(self, client: ChatClient) -> None:
        self._client = client
        self.requests = self.tokens_in = self.tokens_out = 0

    def __call__(self, body: Mapping[str, Any]) -> Reply:
        reply = self._client.ask(body)
        self.requests += 1
        self.tokens_in += reply.tokens_in
        self.tokens_out += reply.tokens_out
        return reply
