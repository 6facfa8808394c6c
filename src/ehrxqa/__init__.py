"""EHRXQA: questions over electronic health records and chest X-rays.

The public functions are those in `__all__`, one per stage; each is named like its command. They are
imported on first use, so that `import ehrxqa` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:  # what type checkers and editors see; a test holds it against what is imported
    from ehrxqa.auditing.audit import audit as audit
    from ehrxqa.building.build import build as build
    from ehrxqa.building.info import info as info
    from ehrxqa.building.verify import verify as verify
    from ehrxqa.dataset.answer import answer as answer
    from ehrxqa.dataset.stats import stats as stats
    from ehrxqa.demonstration.run import demo as demo
    from ehrxqa.downloading import download as download
    from ehrxqa.downloading import download_images as download_images
    from ehrxqa.errors import EhrxqaError as EhrxqaError
    from ehrxqa.evaluation.evaluate import evaluate as evaluate
    from ehrxqa.explain.why import why as why
    from ehrxqa.hospital import synth as synth
    from ehrxqa.leakscan import leak_scan as leak_scan
    from ehrxqa.loading.load import load as load
    from ehrxqa.neuralsql.execute import execute as execute
    from ehrxqa.neuralsql.query import query as query
    from ehrxqa.paraphrasing.run import paraphrase as paraphrase
    from ehrxqa.publish.export import export as export
    from ehrxqa.questions.coverage import coverage as coverage
    from ehrxqa.questions.generate import generate as generate

_HOMES = {
    "EhrxqaError": "ehrxqa.errors",
    "answer": "ehrxqa.dataset.answer",
    "audit": "ehrxqa.auditing.audit",
    "build": "ehrxqa.building.build",
    "coverage": "ehrxqa.questions.coverage",
    "demo": "ehrxqa.demonstration.run",
    "download": "ehrxqa.downloading",
    "download_images": "ehrxqa.downloading",
    "evaluate": "ehrxqa.evaluation.evaluate",
    "execute": "ehrxqa.neuralsql.execute",
    "export": "ehrxqa.publish.export",
    "generate": "ehrxqa.questions.generate",
    "info": "ehrxqa.building.info",
    "leak_scan": "ehrxqa.leakscan",
    "load": "ehrxqa.loading.load",
    "paraphrase": "ehrxqa.paraphrasing.run",
    "query": "ehrxqa.neuralsql.query",
    "stats": "ehrxqa.dataset.stats",
    "synth": "ehrxqa.hospital",
    "verify": "ehrxqa.building.verify",
    "why": "ehrxqa.explain.why",
}

__all__ = [
    "EhrxqaError",
    "__version__",
    "answer",
    "audit",
    "build",
    "coverage",
    "demo",
    "download",
    "download_images",
    "evaluate",
    "execute",
    "export",
    "generate",
    "info",
    "leak_scan",
    "load",
    "paraphrase",
    "query",
    "stats",
    "synth",
    "verify",
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
