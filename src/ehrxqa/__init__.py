"""EHRXQA: questions over electronic health records and chest X-rays.

The public functions are those in `__all__`, one per command, each named like it (`ehrxqa agent` is
`run_agent`, `ehrxqa slice` two functions). They are imported on first use, so that `import ehrxqa` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.2.0"

if TYPE_CHECKING:  # what type checkers and editors see; a test holds it against what is imported
    from ehrxqa.agents.agent_run import run_agent as run_agent
    from ehrxqa.agents.slicing import slice_questions as slice_questions
    from ehrxqa.agents.slicing import slice_subject as slice_subject
    from ehrxqa.auditing.audit import audit as audit
    from ehrxqa.building.build import build as build
    from ehrxqa.building.gold_check import check as check
    from ehrxqa.building.info import info as info
    from ehrxqa.building.official import official as official
    from ehrxqa.building.schema import schema as schema
    from ehrxqa.building.verify import verify as verify
    from ehrxqa.dataset.answer import answer as answer
    from ehrxqa.dataset.question_stats import stats as stats
    from ehrxqa.demonstration.run import demo as demo
    from ehrxqa.downloading import download as download
    from ehrxqa.downloading import download_images as download_images
    from ehrxqa.errors import EhrxqaError as EhrxqaError
    from ehrxqa.evaluation.evaluate import evaluate as evaluate
    from ehrxqa.explain.why import why as why
    from ehrxqa.hospital import synth as synth
    from ehrxqa.labels.agreement import labels_audit as labels_audit
    from ehrxqa.labels.label_files import labels_write as labels_write
    from ehrxqa.leakscan import leak_scan as leak_scan
    from ehrxqa.loading.load import load as load
    from ehrxqa.models.board import board as board
    from ehrxqa.models.compare import compare as compare
    from ehrxqa.models.run import run as run
    from ehrxqa.neuralsql.execute import execute as execute
    from ehrxqa.neuralsql.needed import vqa_plan as vqa_plan
    from ehrxqa.neuralsql.query import query as query
    from ehrxqa.paraphrasing.run import paraphrase as paraphrase
    from ehrxqa.progress import SILENT as SILENT
    from ehrxqa.publish.export import export as export
    from ehrxqa.questions.coverage import coverage as coverage
    from ehrxqa.questions.generate import generate as generate
    from ehrxqa.vqa.ask import vqa_ask as vqa_ask
    from ehrxqa.vqa.evaluate import vqa_evaluate as vqa_evaluate
    from ehrxqa.vqa.question_files import vqa_answer as vqa_answer
    from ehrxqa.vqa.question_files import vqa_generate as vqa_generate
    from ehrxqa.vqa.trained.train import vqa_train as vqa_train

_HOMES = {
    "EhrxqaError": "ehrxqa.errors",
    "SILENT": "ehrxqa.progress",
    "answer": "ehrxqa.dataset.answer",
    "audit": "ehrxqa.auditing.audit",
    "board": "ehrxqa.models.board",
    "build": "ehrxqa.building.build",
    "check": "ehrxqa.building.gold_check",
    "compare": "ehrxqa.models.compare",
    "coverage": "ehrxqa.questions.coverage",
    "demo": "ehrxqa.demonstration.run",
    "download": "ehrxqa.downloading",
    "download_images": "ehrxqa.downloading",
    "evaluate": "ehrxqa.evaluation.evaluate",
    "execute": "ehrxqa.neuralsql.execute",
    "export": "ehrxqa.publish.export",
    "generate": "ehrxqa.questions.generate",
    "info": "ehrxqa.building.info",
    "labels_audit": "ehrxqa.labels.agreement",
    "labels_write": "ehrxqa.labels.label_files",
    "leak_scan": "ehrxqa.leakscan",
    "load": "ehrxqa.loading.load",
    "official": "ehrxqa.building.official",
    "paraphrase": "ehrxqa.paraphrasing.run",
    "query": "ehrxqa.neuralsql.query",
    "run": "ehrxqa.models.run",
    "run_agent": "ehrxqa.agents.agent_run",
    "schema": "ehrxqa.building.schema",
    "slice_questions": "ehrxqa.agents.slicing",
    "slice_subject": "ehrxqa.agents.slicing",
    "stats": "ehrxqa.dataset.question_stats",
    "synth": "ehrxqa.hospital",
    "verify": "ehrxqa.building.verify",
    "vqa_answer": "ehrxqa.vqa.question_files",
    "vqa_ask": "ehrxqa.vqa.ask",
    "vqa_evaluate": "ehrxqa.vqa.evaluate",
    "vqa_generate": "ehrxqa.vqa.question_files",
    "vqa_plan": "ehrxqa.neuralsql.needed",
    "vqa_train": "ehrxqa.vqa.trained.train",
    "why": "ehrxqa.explain.why",
}

__all__ = [
    "SILENT",
    "EhrxqaError",
    "__version__",
    "answer",
    "audit",
    "board",
    "build",
    "check",
    "compare",
    "coverage",
    "demo",
    "download",
    "download_images",
    "evaluate",
    "execute",
    "export",
    "generate",
    "info",
    "labels_audit",
    "labels_write",
    "leak_scan",
    "load",
    "official",
    "paraphrase",
    "query",
    "run",
    "run_agent",
    "schema",
    "slice_questions",
    "slice_subject",
    "stats",
    "synth",
    "verify",
    "vqa_answer",
    "vqa_ask",
    "vqa_evaluate",
    "vqa_generate",
    "vqa_plan",
    "vqa_train",
    "why",
]

if not TYPE_CHECKING:  # a type checker would take every name that there is not for one of type Any

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used."""
        import importlib

        if name in _HOMES:
            return getattr(importlib.import_module(_HOMES[name]), name)
        raise AttributeError(f"module 'ehrxqa' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
