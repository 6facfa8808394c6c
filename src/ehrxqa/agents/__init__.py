"""Agents: seven tools over one build, and front ends that add nothing to them.

In comes a build (database, pictures, questions, a vision model); out come typed results, a trace of what was done,
and a submission that is judged elsewhere: no tool knows a gold answer.
"""
