"""Questions made by hand, without a database: every template under every filter it may have, with any names."""

from __future__ import annotations

import shutil
from itertools import product

from ehrxqa.layout import DATABASE_PATHS
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.image_sql import COMPARISONS
from ehrxqa.questions.question import Choice, Question
from ehrxqa.questions.slots import OPERATIONS
from ehrxqa.questions.time_options import TIME_OPTIONS
from ehrxqa.questions.times import NO_TIME, TimeChoice
from ehrxqa.vqa.question import KINDS, VqaQuestion
from ehrxqa.vqa.vocabulary import ATTRIBUTES, OBJECTS

#: Official number → template.
OFFICIAL = {template.official: template for template in catalogue().values()}
NAMES = (
    "heparin", "sodium chloride 0.9% flush", "calcium, total", "25-oh vitamin d", "urine culture",
    "pain in the left knee", "is it real?", "1.5 ml vial.", "d5 1/2ns", "fever of 38.1",
    "co-trimoxazole (a.k.a. bactrim)",
)  # fmt: skip
_PAIRS = (
    ("exact-first", "exact-second"), ("exact-first", "exact-last"), ("exact-second_to_last", "exact-last"),
    ("exact-default", "exact-default"),
)  # fmt: skip
_MOMENTS = {"e1": "2104-02-29 07:08:09", "e2": "2105-11-30 23:00:00"}


def filters(template):
    """Every filter that a template may have, with dates and numbers of its own."""
    if "g1" in template.fixed:
        return [TimeChoice(template.fixed["g1"])]
    grains = {grain.rstrip("!") for grain in template.grains}
    found = [] if "hosp!" in template.grains else [NO_TIME]
    for place, (name, option) in enumerate(TIME_OPTIONS.items()):
        if option.grain in grains:
            dated, counted = name.startswith("abs"), name.startswith("rel") and name.endswith(("since", "until"))
            month = (dated and option.grain != "year") or (name.startswith("mix") and name.endswith("year"))
            day = option.grain == "day" and name[:3] in ("abs", "mix")
            found.append(
                TimeChoice(
                    name, (2103 + place % 3) * dated, (1 + place % 12) * month, (1 + place % 28) * day,
                    (1 + place * 7 % 60) * counted,
                )
            )  # fmt: skip
    return found


def visual_of(template, n):
    """The n-th image question of a template, or None; its names run through all of the vocabulary."""
    if not template.visual:
        return None
    kind = KINDS[template.visual]
    if kind.measured:
        return VqaQuestion.of_kind(template.visual)
    categories = list(ATTRIBUTES)
    category = categories[n % len(categories)]
    attributes = ATTRIBUTES[category]
    return VqaQuestion.of_kind(
        template.visual,
        objects=tuple(list(OBJECTS)[(n + 7 * place) % len(OBJECTS)] for place in range(kind.objects)),
        attributes=tuple(attributes[(n + place) % len(attributes)] for place in range(kind.attributes)),
        categories=(category, categories[(n + 1) % len(categories)])[: kind.categories],
    )


def value_of(slot, n, names):
    """The n-th value of a slot."""
    if slot == "gender":
        return "mf"[n % 2]
    if slot.endswith("_value"):
        return (7, 1.4, 0.05, 120, -2.5)[n % 5]
    if slot.startswith(("patient", "study")):
        return 10_000_001 + 977 * n + len(slot) + (slot[-1] == "2")
    return names[(n + 3 * (slot[-1] == "2") + 5 * (slot[-1] == "3")) % len(names)]


def question_of(template, n, time=NO_TIME, names=NAMES):
    """The n-th question of a template under a filter."""
    exact = {slot: ("exact-first", "exact-last")[n % 2] for slot in template.times if slot in ("e1", "e2")}
    moments = {}
    times = {"g1": time, "g2": time}
    if "g2" in template.fixed:
        times["g2"] = TimeChoice(template.fixed["g2"])
    elif template.compares:
        times["g2"] = (NO_TIME, TimeChoice("rel-hosp-first"), TimeChoice("rel-hosp-cur"))[n % 3]
    if template.draw == "change":
        e1, e2 = _PAIRS[n % 3 if time.name else n % 4]
        exact = {"e1": e1, "e2": e2}
        moments = _MOMENTS if e1 == "exact-default" else {}
    comparisons = [name for name in COMPARISONS if template.answer == "truth" or name != "still absent"]
    options = {slot: template.options.get(slot) or tuple(OPERATIONS[slot].options) for slot in template.operations}
    return Question(template, Choice(
        values={slot: value_of(slot, n, names) for slot in template.values},
        times=times,
        exact=exact,
        moments=moments,
        within=(*template.withins, "")[n % (len(template.withins) + 1)] if template.modality == "multimodal"
        else template.withins[n % len(template.withins)] if template.withins else "",
        operations={slot: held[n % len(held)] for slot, held in options.items()},
        visual=visual_of(template, n),
        comparison=comparisons[n % len(comparisons)] if template.compares else "",
    ))  # fmt: skip


def questions_of(template, names=NAMES, each=4):
    """Questions of a template under each of its filters."""
    times = filters(template)
    for n, (time, _) in enumerate(product(times, range(each))):
        yield question_of(template, n, time, names)


def linked(built, out):
    """A copy of a build that shares its databases."""
    for path in (*DATABASE_PATHS.values(),):
        (out / path).parent.mkdir(parents=True)
        (out / path).hardlink_to(built / path)
    shutil.copyfile(built / "manifest.json", out / "manifest.json")
    return out
