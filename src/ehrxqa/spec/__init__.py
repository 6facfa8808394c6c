"""What the data are, as declarations: scopes, findings, tables, indexes, releases.

In: nothing; these are facts. Out: values that every stage reads, so that each fact stands once.
"""
