"""Everything that reads or runs SQL text.

Tokens, structure, steps, sandbox, the official clean-up, lint, and gold programs on indexed copies.
"""
