"""The way to other machines: HTTP, pacing and retries, secrets, consent.

Shared by downloads, language models and vision endpoints.
"""
