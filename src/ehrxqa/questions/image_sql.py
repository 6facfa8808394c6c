"""SQL of image questions: over labels in gold programs, through `func_vqa` in NeuralSQL; of one study or of two compared."""

from __future__ import annotations

from typing import Final

from ehrxqa.vqa.question import ABNORMALITY_CATEGORIES, SIZE_LIMITS, Combination, Form, Target, VqaQuestion
from ehrxqa.vqa.render import render

__all__ = ["COMPARISONS", "any_part", "compare_sql", "condition", "elementary", "gold_of", "neural_of"]

#: Comparison → (truth in the later study, truth in the earlier one); None for lists that cannot be made.
COMPARISONS: Final = {
    "still present": (True, True),
    "still absent": (False, False),
    "newly detected": (True, False),
    "resolved": (False, True),
}

_FIELDS: Final = (("object", "objects"), ("attribute", "attributes"), ("category", "categories"))


def condition(question: VqaQuestion) -> tuple[str, ...]:
    """The conditions that a row of TB_CXR_PLUS must fulfil to count for an elementary question."""
    parts = []
    for column, names in (("object", question.objects), ("attribute", question.attributes)):
        if len(names) == 1:
            parts.append(f"tb_cxr_plus.{column} = '{names[0]}'")
        elif names:
            parts.append(f"tb_cxr_plus.{column} in ( {', '.join(map(repr, names))} )")
    if question.form is not Form.CHOOSE and question.categories:
        parts.append(f"tb_cxr_plus.category = '{question.categories[0]}'")
    elif not question.attributes and question.target is not Target.SIZE:
        parts.append(f"tb_cxr_plus.category in ( {', '.join(map(repr, ABNORMALITY_CATEGORIES))} )")
    return tuple(parts)


def elementary(question: VqaQuestion) -> tuple[VqaQuestion, ...]:
    """The questions that are asked of the image: one, or the two that the combination joins."""
    if question.combination is None:
        return (question,)
    parts = []
    for place in (0, 1):
        names: dict[str, tuple[str, ...]] = {
            field: (held[place],) if len(held) == 2 else held
            for _, field in _FIELDS
            for held in (getattr(question, field),)
        }
        parts.append(
            VqaQuestion(
                question.form, question.target, None, names["objects"], names["attributes"], names["categories"]
            )
        )
    return tuple(parts)


_OPERATORS: Final = {
    Combination.AND: "and",
    Combination.OR: "or",
    Combination.UNION: "union",
    Combination.INTERSECTION: "intersect",
    Combination.DIFFERENCE: "except",
}


def _gold_part(question: VqaQuestion, studies: str) -> str:
    where = f"from tb_cxr_plus where tb_cxr_plus.study_id in {studies}"
    if question.target is Target.SIZE:
        column = "ct_ratio" if question.objects[0] == "cardiac silhouette" else "mt_ratio"
        limit = f"1.0/{round(1 / SIZE_LIMITS[question.objects[0]])}"
        return f"select distinct tb_cxr_plus.{column} > {limit} {where}"
    where = " and ".join((where, "tb_cxr_plus.relation = 1", *condition(question)))
    if question.form is Form.VERIFY:
        return f"select count(*) > 0 {where}"
    column = "object" if question.target is Target.OBJECT else "attribute"
    return f"select distinct tb_cxr_plus.{column} {where}"


def gold_of(question: VqaQuestion, studies: str) -> str:
    """SQL over the labels that answers a question about the study that `studies` selects."""
    parts = [_gold_part(part, studies) for part in elementary(question)]
    if question.combination is None:
        return parts[0]
    operator = _OPERATORS[question.combination]
    if question.form is Form.VERIFY:
        return f"select ( {parts[0]} ) {operator} ( {parts[1]} )"
    return f"{parts[0]} {operator} {parts[1]}"


def neural_of(question: VqaQuestion, studies: str, alias: str = "t1") -> str:
    """The same as NeuralSQL; `alias` is what its studies are called, the first of two selects of them."""
    table = f"( select tb_cxr.study_id from tb_cxr where tb_cxr.study_id in {studies} )"
    parts = [render(part) for part in elementary(question)]
    if question.combination is None:
        return f'select func_vqa("{parts[0]}", {alias}.study_id) from {table} as {alias}'
    operator = _OPERATORS[question.combination]
    if question.form is Form.VERIFY:
        calls = f" {operator} ".join(f'( func_vqa("{part}", {alias}.study_id) = true )' for part in parts)
        return f"select {calls} from {table} as {alias}"
    first, second = (
        f'select func_vqa("{part}", {each}.study_id) from {table} as {each}'
        for each, part in zip((alias, "t2"), parts, strict=True)
    )
    return f"{first} {operator} {second}"


def any_part(visual: VqaQuestion) -> str:
    """What a row must fulfil to count for any of the elementary questions; empty where every row does."""
    parts = [" and ".join(condition(part)) for part in elementary(visual)]
    return f"( {' or '.join(f'( {part} )' for part in parts)} )" if any(parts) else ""


def compare_sql(visual: VqaQuestion, comparison: str, x: str, y: str, *, neural: bool) -> str:
    """SQL that compares the studies selected by `x` (later) and `y` (earlier)."""
    now, before = COMPARISONS[comparison]
    if visual.form is Form.VERIFY:
        if not neural:
            sides = zip((x, y), (now, before), strict=True)
            return "select " + " and ".join(f"( {gold_of(visual, side)} ) = {int(truth)}" for side, truth in sides)
        text = render(visual)
        return "select " + " and ".join(
            f'( select ( func_vqa("{text}", t{n}.study_id) = {str(truth).lower()} ) from ( select tb_cxr.study_id from tb_cxr '
            f"where tb_cxr.study_id in {side} ) as t{n} )"
            for n, (side, truth) in enumerate(((x, now), (y, before)), 1)
        )
    first, second = (x, y) if now else (y, x)
    operator = "intersect" if now and before else "except"
    if not neural:
        return f"{gold_of(visual, first)} {operator} {gold_of(visual, second)}"
    return f"{neural_of(visual, first)} {operator} {neural_of(visual, second, 't2')}"
