"""What must never be published, as patterns over text, each with the reason."""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from ehrxqa.leakscan.masking import IMAGE_ID, made_up_image_id, made_up_number

__all__ = [
    "CREDENTIAL_RULES",
    "ENVIRONMENT_RULES",
    "NOT_READ",
    "PATIENT_RULES",
    "RULES",
    "TEXT_RULES",
    "Hit",
    "TextRule",
    "text_hits",
]

#: What an allow list calls files that were not read.
NOT_READ = "not-read"

#: Rule → what it finds. The names are stable: allow lists use them.
RULES: dict[str, str] = {
    "mimic-rows": "rows of a MIMIC table",
    "mimic-id": "the number of a MIMIC subject, admission, ICU stay or study",
    "image-id": "the id of a MIMIC-CXR image",
    "mimic-path": "a MIMIC-CXR path, which names a subject and a study",
    "answers": "question records with their answers",
    "database": "an integrated EHRXQA database",
    "image": "an X-ray image under its MIMIC-CXR name, or a DICOM file",
    "report": "a radiology report under its MIMIC-CXR name",
    "trained-model": "weights of a vision model that was trained on real X-rays",
    "credential-netrc": "a netrc entry with its password",
    "credential-physionet": "a PhysioNet password",
    "credential-key": "a private key",
    "credential-token": "an access token",
    "credential-url": "a password in an address",
    "credential-login": "a user name with its password, on a command line or in code",
    "credential-env": "a secret in an environment file",
}

#: Rules about patients: they do not apply to what is known to be synthetic. Credentials always count.
PATIENT_RULES = frozenset(rule for rule in RULES if not rule.startswith("credential-"))

_PLACEHOLDER = re.compile(
    r"""(?ix) ^(?: .{0,3} | [*x.…•_-]+ | [<\[{(].* | \$.* | %.* | \s.*
    | \W*(?:your|my|the|some|a)?[\s_-]*(?:password|passwd|pass|secret|token|name|user(?:name)?)[\s_-]*(?:here)?\W*
    | .*(?:…|\.\.\.|os\.environ|getenv|getpass|example|placeholder|changeme|redacted).* )$"""
)


@dataclass(frozen=True)
class TextRule:
    """A pattern in text; `real` looks at the match and tells examples and placeholders apart.

    Attributes:
        rule: Name of the rule.
        needles: The pattern is tried only where one of these stands in the text (lower case): a search for a
            fixed word is a hundred times faster than one for a pattern.
        pattern: What to find.
        real: Whether a match is no example.
        hint: What it is, in words.
        lower: Whether the pattern is for the text in lower case.
    """

    rule: str
    needles: tuple[str, ...]
    pattern: re.Pattern[str]
    real: Callable[[re.Match[str]], bool]
    hint: str
    lower: bool = False


@dataclass(frozen=True)
class Hit:
    """A rule that met something, at a 1-based line (None: the file as a whole)."""

    rule: str
    line: int | None
    what: str


def _number(match: re.Match[str]) -> bool:
    return not made_up_number(match["id"])


def _secret(match: re.Match[str]) -> bool:
    return not _PLACEHOLDER.match(match["secret"].strip("\"'`"))


def _secret_elsewhere(match: re.Match[str]) -> bool:
    """A secret for a host that exists beyond this machine and beyond documentation (RFC 2606)."""
    host = match["host"].lower()
    local = host in ("localhost", "127.0.0.1") or host.endswith((".example", ".test", ".invalid", ".localhost"))
    return _secret(match) and not local and not re.search(r"(?:^|\.)example\.(?:com|net|org)$", host)


def _always(_: re.Match[str]) -> bool:
    return True


def _key_rule(word: str, first: str) -> TextRule:
    """`subject_id = 1…`, `subjectId: 1…`, `subject=1…`, `"hadm_id": "2…"`, `study_id in (5…`."""
    between = r"""s?["'\]\)]{0,3}\s{0,4}(?:==?|:|\bin\b|,|=>)\s{0,4}[\[\("']{0,3}\s{0,2}"""
    pattern = re.compile(rf"(?<![a-z]){word}[ _-]?(?:id)?{between}[ps]?(?P<id>{first}\d{{7}})(?!\d)")
    return TextRule("mimic-id", (word,), pattern, _number, f"a number of {word}_id", lower=True)


def _word_rule(word: str, first: str) -> TextRule:
    """`patient 1…`, `study 5…`, as questions say it."""
    pattern = re.compile(rf"{word}\s{{1,4}}(?P<id>{first}\d{{7}})(?!\d)")
    return TextRule("mimic-id", (word,), pattern, _number, f"the number of a {word}", lower=True)


TEXT_RULES: tuple[TextRule, ...] = (
    _key_rule("subject", "1"),
    _key_rule("patient", "1"),
    _key_rule("hadm", "2"),
    _key_rule("admission", "2"),
    _key_rule("stay", "3"),
    _key_rule("study", "5"),
    _word_rule("patient", "1"),
    _word_rule("subject", "1"),
    _word_rule("study", "5"),
    TextRule("image-id", ("-",), IMAGE_ID, lambda match: not made_up_image_id(match[0]), "an image id"),
    TextRule(
        "mimic-path",
        ("/p1",),
        re.compile(r"p1\d/p(?P<id>1\d{7})/s5\d{7}(?!\d)"),
        _number,
        "a path that names a subject and a study",
    ),
    TextRule(
        "credential-netrc",
        ("machine",),
        re.compile(r"(?m)^[ \t]*machine\s+\S+\s+login\s+\S+\s+password\s+(?P<secret>\S+)"),
        _secret,
        "a netrc entry",
    ),
    TextRule(
        "credential-physionet",
        ("physionet_pass",),
        re.compile(r"""(?i)PHYSIONET_PASS(?:WORD)?["']?\]?\s*[=:]\s*(?P<secret>"[^"\n]*"|'[^'\n]*'|[^\s,;)"']+)"""),
        _secret,
        "a password for PhysioNet",
    ),
    TextRule(
        "credential-physionet",
        ("wget",),
        re.compile(r"""wget\b[^\n]*--(?:http-)?password[= ](?P<secret>"[^"\n]*"|'[^'\n]*'|\S+)"""),
        _secret,
        "a password on a wget command line",
    ),
    TextRule(
        "credential-login",
        ("curl",),
        re.compile(r"""curl\b[^\n]*?\s(?:-u|--user)[= ]?["']?[^\s:"']+:(?P<secret>[^\s"']+)"""),
        _secret,
        "a password on a curl command line",
    ),
    TextRule(
        "credential-login",
        ("auth",),
        re.compile(
            r"""(?i)\b(?:auth\s*=\s*|(?:HTTP)?(?:Basic|Digest)Auth)\(\s*["'][^"'\n]+["']\s*,\s*(?P<secret>["'][^"'\n]+["'])\s*\)"""
        ),
        _secret,
        "a user name and password in code",
    ),
    TextRule(
        "credential-key",
        ("private key",),
        re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----\s+[A-Za-z0-9+/=:\s-]{40}"),
        _always,
        "a private key",
    ),
    TextRule(
        "credential-token",
        ("akia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "hf_", "sk-", "xox", "aiza", "pypi-"),
        re.compile(
            r"""(?x)(?<![A-Za-z0-9])(?: AKIA[0-9A-Z]{16} | gh[pousr]_[A-Za-z0-9]{36} | github_pat_[A-Za-z0-9_]{60,}
            | glpat-[A-Za-z0-9_-]{20} | hf_[A-Za-z0-9]{30,} | sk-[A-Za-z0-9_-]{32,} | xox[abprs]-[A-Za-z0-9-]{20,}
            | AIza[A-Za-z0-9_-]{35} | pypi-[A-Za-z0-9_-]{60,} )"""
        ),
        lambda match: len(set(match[0])) > 12,
        "an access token",
    ),
    TextRule(
        "credential-url",
        ("://",),
        re.compile(r"""://[^\s/:@"'<>]{1,200}:(?P<secret>[^\s/@"'<>]{1,200})@(?P<host>[A-Za-z0-9.-]+)"""),
        _secret_elsewhere,
        "an address with a password",
    ),
)

CREDENTIAL_RULES = tuple(rule for rule in TEXT_RULES if rule.rule not in PATIENT_RULES)

#: For files that hold settings as `NAME=value`: elsewhere a name alone does not tell a secret.
ENVIRONMENT_RULES = (
    TextRule(
        "credential-env",
        ("pass", "pwd", "secret", "token", "key", "credential"),
        re.compile(
            r"""(?im)^[ \t]*(?:export[ \t]+)?\w*"""
            r"""(?:PASS(?:WORD|WD|PHRASE)?|PWD|SECRET|TOKEN|API_?KEY|ACCESS_KEY|CREDENTIALS?)\w*"""
            r"""[ \t]*[=:][ \t]*(?P<secret>"[^"\n]+"|'[^'\n]+'|[^\s#]+)"""
        ),
        _secret,
        "a secret among the settings",
    ),
)

# The numbers stand free: eight digits within a checksum or a decimal fraction are none.
_PAIR = re.compile(r"(?<![\w.-])p?(?P<subject>1\d{7})(?!\w)[^\n]{0,80}?(?<![\w.-])s?(?P<other>[235]\d{7})(?!\w)")
_DATE = re.compile(r"2[01]\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_PAIR_LINES = 3


def text_hits(text: str, rules: tuple[TextRule, ...] = TEXT_RULES) -> Iterator[Hit]:
    """The first hit of each pattern, with how many more there are; lines are counted from 1."""
    starts = _LineStarts(text)
    lower = text.lower()
    if len(lower) != len(text):  # a letter that grows when lowered would shift the lines
        lower = "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in text)
    for rule in rules:
        if not any(needle in lower for needle in rule.needles):
            continue
        found = rule.pattern.finditer(lower if rule.lower else text)
        matches = [match for match in found if rule.real(match)]
        if matches:
            more = f" (and {len(matches) - 1:,} more)" if len(matches) > 1 else ""
            yield Hit(rule.rule, starts.line(matches[0].start()), rule.hint + more)
    if rules is not TEXT_RULES:
        return
    pairs = [match for match in _PAIR.finditer(text) if _is_pair(match)]
    lines = {starts.line(match.start()): int(match["subject"]) for match in pairs}
    if _together(lines):
        what = f"{len(pairs):,} lines with a subject's number beside that of an admission, stay or study"
        yield Hit("mimic-rows", starts.line(pairs[0].start()), what)


def _is_pair(match: re.Match[str]) -> bool:
    other = match["other"]
    return not _DATE.fullmatch(other) and not made_up_number(other) and not made_up_number(match["subject"])


def _together(lines: dict[int, int]) -> bool:
    """Whether lines with pairs make up a table: not a few among numbers of any size, nor numbers counted up."""
    if len(lines) < _PAIR_LINES:
        return False
    steps = {b - a for a, b in pairwise(lines.values())}
    return 2 * len(lines) > max(lines) - min(lines) and (len(steps) > 1 or steps == {0})


class _LineStarts:
    """Line number of a position."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts: list[int] | None = None

    def line(self, position: int) -> int:
        if self._starts is None:
            self._starts = [0] + [match.end() for match in re.finditer("\n", self._text)]
        return bisect.bisect_right(self._starts, position)
