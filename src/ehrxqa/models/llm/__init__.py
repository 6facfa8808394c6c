"""The `llm` parser: any OpenAI-compatible endpoint writes the NeuralSQL.

`prompt` says what it is told, `clean_up` what is made of a reply, `voting` which of several queries counts, `asking`
how requests are sent at the same time and kept, `parser` puts them together.
"""
