"""The question space as families: what is asked × what it is asked about.

Each family is one loop over kinds of events or image questions that yields `Template`s; the sentence comes from the
phrases of the kind. SQL patterns use the macros of `expand`: `<T>` table, `<c>` its time column, `<in>` the patient's
condition, `<nm>` the name, `<g1>` the time filter on `<c>`, `<e1>` the order of first and last; `<B.…>` the same of the
second event. `catalogue` joins all families by official number.
"""
