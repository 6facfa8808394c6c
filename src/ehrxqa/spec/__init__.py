"""What the data are, as declarations: scopes, coded values, indexes, tables, releases.

In: nothing; these are facts. Out: values that every stage reads, so that each fact stands once.
"""
