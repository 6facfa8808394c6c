"""EHRXQA: questions over electronic health records and chest X-rays.

The public functions are those in `__all__`, one per stage; each is named like its command. They are
imported on first use, so that `import ehrxqa` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_EXPORTS = {
    "EhrxqaError": "ehrxqa.errors",
    "answer": "ehrxqa.dataset.answer",
    "build": "ehrxqa.building.build",
    "coverage": "ehrxqa.questions.coverage",
    "demo": "ehrxqa.demonstration.run",
    "download": "ehrxqa.sources.download",
    "download_images": "ehrxqa.sources.download",
    "evaluate": "ehrxqa.evaluation.evaluate",
    "execute": "ehrxqa.neuralsql.execute",
    "export_dataset": "ehrxqa.publish.export",
    "generate": "ehrxqa.questions.generate",
    "info": "ehrxqa.building.info",
    "leak_scan": "ehrxqa.leakscan",
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
    "build",
    "coverage",
    "demo",
    "download",
    "download_images",
    "evaluate",
    "execute",
    "export_dataset",
    "generate",
    "info",
    "leak_scan",
    "paraphrase",
    "query",
    "stats",
    "synth",
    "verify",
    "why",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name in _EXPORTS:
        return getattr(importlib.import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'ehrxqa' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
