"""NeuralSQL: SQL that asks a vision model about chest X-rays.

In comes a query in which `func_vqa("question", study_id)` may stand wherever SQLite allows a value; out come
rows and the official answer list, or one of three other outcomes (abstained, error, timeout) with its reason.
Everything but the image questions is SQLite's own work, done read-only on a database that hostile SQL
can neither change nor use to read the answer key.
"""
