"""Published files of a project to their places in the source tree.

What comes in: names of files, credentials, a folder. What goes out: those files, each whole and checked against the
project's `SHA256SUMS.txt`, laid out as their addresses are.

::

    names (releases, images)  →  plan (what is here)  →  run (space, a few at a time)  →  transfer (one file)

What a file is for, and which of them a question needs, is decided above, in `ehrxqa.downloading`.
"""
