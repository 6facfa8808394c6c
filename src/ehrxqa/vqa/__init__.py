"""Image questions: a typed value, its English wordings, its answer from labels, and models that answer it.

In: labels of images (a database's TB_CXR_PLUS, or the label files of a build) and questions as text or value.
Out: truth values and lists of texts. `question` defines the value, `render` writes it, `parse` reads it,
`rules` answers it from labels, `models` is the protocol of vision models.
"""

from ehrxqa.vqa.models import ABSTAIN, VqaAnswer, VqaModel, VqaReply, VqaRequest
from ehrxqa.vqa.parse import parse
from ehrxqa.vqa.question import KINDS, VqaQuestion
from ehrxqa.vqa.render import render
from ehrxqa.vqa.vocabulary import DEFAULT_VOCABULARY, Vocabulary

__all__ = [
    "ABSTAIN",
    "DEFAULT_VOCABULARY",
    "KINDS",
    "Vocabulary",
    "VqaAnswer",
    "VqaModel",
    "VqaQuestion",
    "VqaReply",
    "VqaRequest",
    "parse",
    "render",
]
