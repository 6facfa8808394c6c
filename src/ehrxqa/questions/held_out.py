"""What splits may not share, where that is asked for: patients, or questions with the same values.

Who or what belongs to which split is decided by its hash, so it depends on neither the order of the work nor the
number of questions.
"""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from ehrxqa.questions.question import Question

__all__ = ["NOTHING_HELD_OUT", "HeldOut", "split_of_patient", "split_of_question"]

#: Of sixteen patients of the train database, so many are of valid.
_VALID_PATIENTS: Final = 2
#: Of sixteen questions without a patient, so many are of valid, and of test; the rest is of train.
_VALID_QUESTIONS: Final = 2
_TEST_QUESTIONS: Final = 5


class HeldOut(NamedTuple):
    """What is held out.

    Attributes:
        subjects: Patients of questions about one patient.
        questions: Questions without a patient: equal sentence, values and options.
    """

    subjects: bool = False
    questions: bool = False


NOTHING_HELD_OUT: Final = HeldOut()


def _sixteenth(text: str) -> int:
    return hashlib.sha256(text.encode()).digest()[0] % 16


def split_of_patient(subject: int) -> str:
    """Whether a patient of the train database is of train or of valid.

    >>> sorted({split_of_patient(subject) for subject in range(10000000, 10000099)})
    ['train', 'valid']
    """
    return "valid" if _sixteenth(str(subject)) < _VALID_PATIENTS else "train"


def split_of_question(question: Question) -> str:
    """The split that a question without a patient belongs to.

    Questions about a patient need no such rule: no patient is in both databases, and questions about one database are
    made once.
    """
    place = _sixteenth(question.key)
    if place < _VALID_QUESTIONS:
        return "valid"
    return "test" if place < _VALID_QUESTIONS + _TEST_QUESTIONS else "train"
