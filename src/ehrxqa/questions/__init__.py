"""New questions over any integrated database, each checked before it is written.

In: the databases of a build. Out: question records in the official form, and links to what they are about.

- The question space: `template`, and all templates in `families`; other packages bring their own.
- What may stand in a sentence and in SQL: `time_options`, `event_times`, `slots`, `events`; `times` are filters with a date.
- A `question` is a template with everything drawn. Functions over it give its `programs` (with `image_sql`), its
  `official_sentences`, our own sentences (`saying` with `image_wordings`, `phrases`, `nouns`, `articles`) and its
  record (`question_records`).
- Values: `facts` of a database, ways of `drawing`, `visuals` for images.
- Proof: `checking` on `copies` of the database by `lookup`, lint, `reading`.
- Work: a `batch` is the questions of one template about one database; `quota`, `production`, `spool`,
  `question_files`, `generate`.
- Beside them: `unanswerable` questions, `held_out` patients and questions, `coverage`.
"""
