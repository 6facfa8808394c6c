"""Which tests belong to which package of `src/ehrxqa`."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["BELONGING", "MODULES", "package_of", "tests_of"]

#: Package → folders and files of tests. The examples in a module's docstrings belong to it too.
BELONGING: dict[str, tuple[str, ...]] = {
    "agents": ("agents",),
    "auditing": ("audit",),
    "building": ("build",),
    "cli": ("dataset_export", "evaluation", "runs", "models"),
    "database": ("database", "labels", "build"),
    "dataset": ("dataset_export", "answer"),
    "demonstration": ("docs/test_readme.py", "explorer/test_commands.py"),
    "downloading": ("download",),
    "evaluation": ("evaluation", "dataset_export/test_load.py"),
    "explain": ("dataset_export",),
    "explorer": ("explorer",),
    "hospital": ("hospital",),
    "labels": ("labels", "build", "dataset_export/test_why_sources.py"),
    "loading": ("dataset_export/test_load.py",),
    "leakscan": ("leakscan",),
    "models": ("models",),
    "net": ("download", "paraphrase"),
    "neuralsql": ("neuralsql",),
    "paraphrasing": ("paraphrase",),
    "publish": ("dataset_export", "build"),
    "questions": ("questions",),
    "runs": ("runs",),
    "sources": ("sources", "download", "build"),
    "spec": ("spec", "database", "build"),
    "sql": (
        "sql",
        "neuralsql",
        "answer",
        "questions/test_questions_lint.py",
        "variants/test_mutants.py",
        "explorer/test_quick.py",
        "dataset_export/test_why.py",
    ),
    "variants": ("variants",),
    "vqa": ("vqa",),
    "modules": ("runs", "doors", "dataset_export"),
}
#: The name that stands for the modules beside the packages.
MODULES = "modules"
#: Needs more memory than a mutant is given: a browser.
LEFT_OUT = ("explorer/test_browser.py",)


def package_of(path: str) -> str:
    """The package of a file below `src/ehrxqa`."""
    return path.split("/", 1)[0] if "/" in path else MODULES


def tests_of(package: str, paths: Collection[str]) -> list[str]:
    """Arguments for pytest: the tests of a package, and the examples of those of its files."""
    modules = sorted("ehrxqa." + path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in paths)
    examples = [f"tests/docs/test_docs.py::test_examples_in_docstrings[{module}]" for module in modules]
    return [*examples, *(f"tests/{place}" for place in BELONGING[package]), *(f"--ignore=tests/{x}" for x in LEFT_OUT)]
