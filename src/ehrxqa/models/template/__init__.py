"""The `template` parser: no language model, only known questions, the database's values, and our own renderers.

`mentions` finds what a question names, `words` says what is left of it, `examples` holds the train questions in that
form, `declared` the sentences that templates declare, `filling` puts the names of a question into the slots of its
template, `reading` chooses, `parser` decides when to abstain.
"""
