"""Gold programs on an indexed copy of the database, with the answers of the plain one.

`shape` takes the values out of a text, `selects` reads the SQL that is understood, `proof` decides by select what
may read an indexed table, `indexed` makes the copy, `runner` runs programs; what is not understood runs as it stands.
"""
