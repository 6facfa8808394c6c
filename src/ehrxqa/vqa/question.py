"""The image question as a typed value.

A question says how it is asked (verify, choose, query), what it is about (an attribute, a category, any
abnormality, an object, the view, the gender, a size) and how two operands are combined. The 48 question
kinds of MIMIC-CXR-VQA are rows of one table, `KINDS`; EHRXQA asks all of them but the view and gender ones.
Nothing here knows English (see `render` and `parse`) or labels (see `rules`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal

from ehrxqa.errors import VqaError
from ehrxqa.spec.findings import CATEGORIES

__all__ = [
    "ABNORMALITY_CATEGORIES",
    "CATEGORIES",
    "GENDERS",
    "KINDS",
    "SIZE_LIMITS",
    "VIEWS",
    "Combination",
    "Form",
    "Kind",
    "Target",
    "VqaQuestion",
]


class Form(StrEnum):
    """How a question is asked: verify wants yes or no, choose offers two answers, query wants all."""

    __hash__ = str.__hash__

    VERIFY = "verify"
    CHOOSE = "choose"
    QUERY = "query"


class Target(StrEnum):
    """What a question is about.

    Verify: the finding whose presence is asked. Query and choose: OBJECT lists places; ATTRIBUTE, CATEGORY
    and ABNORMALITY list attributes.
    """

    __hash__ = str.__hash__

    OBJECT = "object"
    ATTRIBUTE = "attribute"
    CATEGORY = "category"
    ABNORMALITY = "abnormality"
    VIEW = "view"
    GENDER = "gender"
    SIZE = "size"


class Combination(StrEnum):
    """What joins the two operands: truth values (and, or) or sets (union, intersection, difference)."""

    __hash__ = str.__hash__

    AND = "and"
    OR = "or"
    UNION = "union"
    INTERSECTION = "intersection"
    DIFFERENCE = "difference"


#: A technical assessment is not an abnormality.
ABNORMALITY_CATEGORIES: Final = ("anatomicalfinding", "disease", "device", "tubesandlines")

#: Measured object → share of the thorax width above which it counts as wide.
SIZE_LIMITS: Final[Mapping[str, float]] = MappingProxyType({"cardiac silhouette": 1 / 2, "upper mediastinum": 1 / 3})

VIEWS: Final = ("ap", "pa")
GENDERS: Final = ("m", "f")


@dataclass(frozen=True)
class Kind:
    """The shape of a question: everything but its names.

    Attributes:
        number: 1 … 48, the number in the name of the official program.
        objects: How many objects it names; `attributes`, `categories`, `views`, `genders` likewise.
        content_type: What MIMIC-CXR-VQA files call the content of the question.
        measured: The object whose width is asked, for size questions.
    """

    number: int
    form: Form
    target: Target
    combination: Combination | None
    objects: int
    attributes: int
    categories: int
    views: int
    genders: int
    content_type: str
    measured: str | None = None

    @property
    def program(self) -> str:
        """Name of the kind in MIMIC-CXR-VQA files.

        >>> KINDS[7].program
        'program_7'
        """
        return f"program_{self.number}"


def _kinds() -> Mapping[int, Kind]:
    forms = {"V": Form.VERIFY, "C": Form.CHOOSE, "Q": Form.QUERY}
    combinations = {
        "-": None,
        "and": Combination.AND,
        "or": Combination.OR,
        "union": Combination.UNION,
        "inter": Combination.INTERSECTION,
        "minus": Combination.DIFFERENCE,
    }
    kinds: dict[int, Kind] = {}
    for line in _TABLE.strip().splitlines():
        number, form, target, combination, names, content, *measured = line.split(maxsplit=6)
        kinds[int(number)] = Kind(
            int(number),
            forms[form],
            Target(target),
            combinations[combination],
            objects=names.count("o"),
            attributes=names.count("a"),
            categories=names.count("c"),
            views=names.count("v"),
            genders=names.count("g"),
            content_type=content,
            measured=measured[0] if measured else None,
        )
    return MappingProxyType(kinds)


# number, form, target, combination, names held (object, attribute, category, view, gender), content type,
# measured object
_TABLE = """
 1 V category     -      oc   presence
 2 V attribute    -      oa   presence
 3 V abnormality  -      o    abnormality
 4 V category     or     occ  presence
 5 V attribute    and    oaa  presence
 6 V attribute    or     oaa  presence
 7 Q category     -      oc   attribute
 8 Q abnormality  -      o    abnormality
 9 Q category     union  occ  attribute
10 C attribute    -      oaac attribute
11 V abnormality  or     oo   abnormality
12 V abnormality  and    oo   abnormality
13 Q category     union  ooc  attribute
14 Q category     inter  ooc  presence
15 Q category     minus  ooc  attribute
16 Q abnormality  union  oo   abnormality
17 Q abnormality  inter  oo   abnormality
18 Q abnormality  minus  oo   abnormality
19 V category     -      c    presence
20 V abnormality  -      .    abnormality
21 V category     or     cc   presence
22 V attribute    -      a    presence
23 V attribute    and    aa   presence
24 V attribute    or     aa   presence
25 Q category     -      c    attribute
26 Q category     union  cc   attribute
27 Q abnormality  -      .    abnormality
28 C attribute    -      aac  attribute
29 V attribute    and    ooa  presence
30 V attribute    or     ooa  presence
31 Q object       -      a    anatomy
32 C object       -      ooa  anatomy
33 C object       -      oo   abnormality
34 Q object       union  aa   anatomy
35 Q object       inter  aa   anatomy
36 Q object       minus  aa   anatomy
37 V category     and    ooc  presence
38 V category     or     ooc  presence
39 Q object       -      c    anatomy
40 Q object       union  cc   anatomy
41 V view         -      v    plane
42 C view         -      .    plane
43 Q view         -      .    plane
44 V gender       -      g    gender
45 C gender       -      .    gender
46 Q gender       -      .    gender
47 V size         -      o    size         cardiac silhouette
48 V size         -      o    size         upper mediastinum
"""

#: Number of a kind → its shape.
KINDS: Final[Mapping[int, Kind]] = _kinds()


@lru_cache(maxsize=4096)
def _require_plain(name: str) -> None:
    if not name or name != " ".join(name.lower().split()):
        raise VqaError(f"{name!r} is not a name in plain form (lower case, single blanks)")


_Shape = tuple[Form, Target, Combination | None, int, int, int, int, int, str | None]
_NUMBER_OF_SHAPE: Final[Mapping[_Shape, int]] = {
    (
        k.form,
        k.target,
        k.combination,
        k.objects,
        k.attributes,
        k.categories,
        k.views,
        k.genders,
        k.measured,
    ): k.number
    for k in KINDS.values()
}


@dataclass(frozen=True)
class VqaQuestion:
    """One image question.

    Names are lower case; two objects, attributes or categories stand in the order in which they are asked
    (it matters for differences). A size question has the measured object in `objects`. The category of a
    choose question is part of its wording only: the rules do not use it.

    Attributes:
        kind: The row of `KINDS` this question is an instance of.

    Raises:
        VqaError: The parts do not make one of the 48 kinds, or a name is empty or not in its plain form.
    """

    form: Form
    target: Target
    combination: Combination | None = None
    objects: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    view: str | None = None
    gender: str | None = None
    kind: Kind = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for names in (self.objects, self.attributes, self.categories):
            for name in names:
                _require_plain(name)
        if self.view is not None and self.view not in VIEWS:
            raise VqaError(f"{self.view!r} is not a view position that can be asked for (ap, pa)")
        if self.gender is not None and self.gender not in GENDERS:
            raise VqaError(f"{self.gender!r} is not a gender that can be asked for (m, f)")
        number = _NUMBER_OF_SHAPE.get(self._shape())
        if number is None:
            raise VqaError(f"no kind of image question has this shape: {self._describe()}")
        object.__setattr__(self, "kind", KINDS[number])

    @classmethod
    def of_kind(
        cls,
        number: int,
        *,
        objects: tuple[str, ...] = (),
        attributes: tuple[str, ...] = (),
        categories: tuple[str, ...] = (),
        view: str | None = None,
        gender: str | None = None,
    ) -> VqaQuestion:
        """The question of kind `number` with these names; a size question fills in its object.

        >>> VqaQuestion.of_kind(2, objects=("left lung",), attributes=("pneumonia",)).kind.number
        2

        Raises:
            VqaError: There is no such kind, or it holds other numbers of names.
        """
        if number not in KINDS:
            raise VqaError(f"no image question kind {number!r} (1 to 48)")
        kind = KINDS[number]
        if kind.measured is not None and not objects:
            objects = (kind.measured,)
        question = cls(
            kind.form,
            kind.target,
            kind.combination,
            objects,
            attributes,
            categories,
            view=view,
            gender=gender,
        )
        if question.kind is not kind:
            raise VqaError(f"these names make kind {question.kind.number}, not kind {number}")
        return question

    @property
    def answer_type(self) -> Literal["truth", "list"]:
        """`"truth"` for yes/no questions, `"list"` for all others (also those that offer two answers)."""
        return "truth" if self.form is Form.VERIFY else "list"

    def _shape(self) -> _Shape:
        return (
            self.form,
            self.target,
            self.combination,
            len(self.objects),
            len(self.attributes),
            len(self.categories),
            int(self.view is not None),
            int(self.gender is not None),
            self.objects[0] if self.target is Target.SIZE and self.objects else None,
        )

    def _describe(self) -> str:
        counts = {
            "object": len(self.objects),
            "attribute": len(self.attributes),
            "category": len(self.categories),
            "view": int(self.view is not None),
            "gender": int(self.gender is not None),
        }
        held = ", ".join(f"{count} × {name}" for name, count in counts.items() if count) or "no names"
        joined = f", {self.combination}" if self.combination else ""
        return f"{self.form} {self.target}{joined} with {held}"
