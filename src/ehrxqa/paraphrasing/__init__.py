"""New wordings of questions from a language model that never sees a value of the database."""
