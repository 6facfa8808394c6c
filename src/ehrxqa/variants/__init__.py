"""Databases that differ from one and keep its ids: whether two programs say the same, asked of several hospitals.

In: a database. Out: copies in which other things happened to the same subjects, in the same admissions and studies. Two
programs that mean the same give the same on each of them; two that agree on one database by luck seldom do on three.

- `perturb`: how a copy is made, and what stays true in it.
- `asked`: what programs name, so that it happens there; `store`: copies that are kept.
- `mutation`: the share of the mutants of gold programs that one database, or several, tell from the gold.
- `hospitals`: predicted queries that are right on all of them.
"""
