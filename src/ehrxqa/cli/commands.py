"""The commands: what each is called, where it lies, what it does, and what one does after it.

Nothing here is imported but names, so that `ehrxqa --help` costs nothing.
"""

from __future__ import annotations

from typing import Final

__all__ = ["COMMANDS", "NEXT", "SECTIONS"]

#: Part of the help → command → (module, one line of help), in the order of the way of the data.
SECTIONS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "Start": {
        "demo": ("ehrxqa.cli.demo", "Make a synthetic hospital, and everything from it."),
        "official": ("ehrxqa.cli.official", "Make the official dataset: download to verification."),
        "help": ("ehrxqa.cli.help", "Say what a command does."),
    },
    "Data": {
        "download": ("ehrxqa.cli.download", "Download source files from PhysioNet."),
        "download-images": ("ehrxqa.cli.download_images", "Download the X-rays of the built databases."),
        "synth": ("ehrxqa.cli.synth", "Make a synthetic hospital in PhysioNet's own files."),
        "build": ("ehrxqa.cli.build", "Build labels and databases from the sources."),
        "labels": ("ehrxqa.cli.labels", "Write cohorts and labels as the official CSV files."),
        "slice": ("ehrxqa.cli.slice", "Write the database as it was at a time."),
    },
    "Questions": {
        "generate": ("ehrxqa.cli.generate", "Make new questions, each verified."),
        "coverage": ("ehrxqa.cli.coverage", "Say which official templates a build can produce."),
        "paraphrase": ("ehrxqa.cli.paraphrase", "Let a language model reword questions."),
        "answer": ("ehrxqa.cli.answer", "Fill the answers of pre-release question files."),
        "vqa": ("ehrxqa.cli.vqa", "Questions about single X-rays, and models for them."),
        "export": ("ehrxqa.cli.export", "Write Parquet, dataset card, Croissant, tables.json."),
    },
    "Models": {
        "query": ("ehrxqa.cli.query", "Run SQL that asks chest X-rays."),
        "execute": ("ehrxqa.cli.execute", "Run a file of predicted queries."),
        "run": ("ehrxqa.cli.run", "Ask a parser and a vision model, and score them."),
        "agent": ("ehrxqa.cli.agent", "Let a model with tools answer, and score it."),
        "mcp": ("ehrxqa.cli.mcp", "Let a model's client work in a build (MCP)."),
        "evaluate": ("ehrxqa.cli.evaluate", "Score predicted answers."),
        "board": ("ehrxqa.cli.board", "Show all runs side by side, with the floors."),
        "compare": ("ehrxqa.cli.compare", "Say what changed from one run to another."),
    },
    "Look": {
        "info": ("ehrxqa.cli.info", "Say what an output folder holds, and how it was made."),
        "schema": ("ehrxqa.cli.schema", "Say what tables and columns are."),
        "stats": ("ehrxqa.cli.stats", "Say what the questions are made of."),
        "why": ("ehrxqa.cli.why", "Explain an answer step by step."),
        "serve": ("ehrxqa.cli.serve", "Show everything in a browser."),
        "page": ("ehrxqa.cli.page", "Write questions with X-rays and proofs as pages."),
    },
    "Check": {
        "verify": ("ehrxqa.cli.verify", "Check an output folder, or compare it with another."),
        "audit": ("ehrxqa.cli.audit", "Find wrong and doubtful gold answers in any file."),
        "check": ("ehrxqa.cli.check", "Prove that gold programs and NeuralSQL agree."),
        "leak-scan": ("ehrxqa.cli.leak_scan", "Find what must never be published."),
    },
}

#: Command name → (module, one-line help).
COMMANDS: Final = {name: told for section in SECTIONS.values() for name, told in section.items()}

#: Command → what comes after it; names in braces are parameters of the command. A command that is missing here ends a
#: way (`leak-scan`), shows what was asked for (`query`, `why`), serves until it is stopped, or says it itself.
NEXT: Final = {
    "synth": "ehrxqa build {out} OUT",
    "download": "ehrxqa build {sources} OUT",
    "download-images": "ehrxqa serve {out} --images {sources}",
    "build": "ehrxqa generate {out} --train 2000 --valid 300 --test 300",
    "generate": "ehrxqa stats {out}",
    "coverage": "ehrxqa generate {out} --test 100",
    "paraphrase": "ehrxqa stats {out}",
    "export": "ehrxqa leak-scan {out}/dataset",
    "answer": "ehrxqa evaluate --gold {out} --predictions PREDICTIONS",
    "slice": "ehrxqa mcp {out} --database {to}",
    "execute": "ehrxqa evaluate --gold GOLD --predictions {out}",
    "run": "ehrxqa board {out}",
    "agent": "ehrxqa board {out}",
    "board": "ehrxqa serve {out}",
    "verify": "ehrxqa check {out}",
    "check": "ehrxqa export {out}",
    "info": "ehrxqa schema {out}",
    "stats": "ehrxqa why {out} 0 --split test",
    "schema": "ehrxqa query {out} 'select count(*) from patients'",
    "vqa generate": "ehrxqa vqa ask {out_folder} --questions {out_folder}/vqa/{split}.json --split {split} "
    "--model MODEL --out ANSWERS",
    "vqa answer": "ehrxqa vqa evaluate --questions {target} --answers ANSWERS",
    "vqa train": "ehrxqa run {out_folder} --vision {name} --images {images}",
    "vqa plan": "ehrxqa vqa ask {out_folder} --pairs {target} --model MODEL --out ANSWERS",
    "vqa ask": "ehrxqa vqa evaluate --questions QUESTIONS --answers {target}",
}
