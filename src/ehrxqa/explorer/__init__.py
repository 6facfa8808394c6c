"""The explorer: subjects, X-rays, questions and their proof as pages, for `ehrxqa serve` and `ehrxqa page`.

`data_*.py` turn an output folder into typed values and know nothing of pages; `views.py` gives each address its values;
`templates/` say how they look. Everything is read through the sandbox, and nothing is loaded from elsewhere.
"""
