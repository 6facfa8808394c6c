"""New questions over any integrated database, each checked before it is written.

In: the databases of a build. Out: question records in the official form, and links to what they are about.

- What may stand in a sentence and in SQL: `times`, `slots`, `events`.
- Sentences of our own: `saying`, `wording`, `phrases`, `nouns`, `articles`.
- The question space: `template`, and all templates in `families`.
- One `question` renders itself; `expand` and `image_sql` write its SQL.
- Values: `facts` of a database, ways of `drawing`, `visuals` for images.
- Proof: `checking` on `copies` of the database by `lookup`, `lint`, `reading`.
- Work: a `cell` is one template and one database; `quota`, `production`, `spool`, `question_files`, `generate`.
- Beside them: `unanswerable` questions, `held_out` patients and questions, the `sidecar` of links, `coverage`.
"""
