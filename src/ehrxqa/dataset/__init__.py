"""Question files: their records, and the answers that a database gives to their gold programs.

In: pre-release files and the integrated databases. Out: final files, in the official JSON form.
"""
