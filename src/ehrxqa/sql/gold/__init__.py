"""Gold programs on an indexed copy of the database, with the answers of the plain one.

In come a database without indexes and the text of a gold program; out comes a statement whose rows, and their
order, are those of the program on that database. `shape` takes the values out of a text, `expressions` and `selects`
read the part of SQL that is understood, `proof` decides select by select what may read an indexed table, `indexed`
makes the copy, and `runner` runs programs. Whatever is not understood runs as it stands, on the database itself.
"""
