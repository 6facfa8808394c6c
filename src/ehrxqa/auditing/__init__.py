"""The audit of gold answers, ours or those of others: rules, effects, corrections.

In: a file of questions with SQL in whatever form and the SQLite database they are about. Out: findings, each with what
it rests on, and a corrected file where a correction is certain. A program is never trusted: it runs in the sandbox.

- `golds`: the questions of a file, whatever its form.
- `audit_rules`: the rules in words, and how much each weighs.
- `effects`: whether a fault makes a difference to the answer; a fault without one is not reported.
- `counted_things`, `other_readings`: rows counted in place of things; answers under another reading.
- `corrections`: the program mended at one place, in the author's own words elsewhere.
- `checker`: every rule on one gold. `audit`: all golds of a file. `corrected_files`: what is written.
"""
