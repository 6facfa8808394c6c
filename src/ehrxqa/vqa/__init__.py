"""Image questions: a typed value, its English wordings, its answer from labels, and models that answer it.

In: labels of images (a database's TB_CXR_PLUS, or the label files of a build) and questions as text or value.
Out: truth values and lists of texts. `question` defines the value, `wording` writes it, `parse` reads it,
`rules` answers it from labels, `models` is the protocol of vision models.
"""
