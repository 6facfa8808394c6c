"""What an endpoint is called: the usual port of its scheme is not said, another one is."""

from __future__ import annotations

import pytest

from ehrxqa.net.endpoint import named_endpoint


@pytest.mark.parametrize(
    ("given", "url", "host"),
    [
        ("http://127.0.0.1:80/v1", "http://127.0.0.1/v1", "127.0.0.1"),
        ("http://127.0.0.1:443/v1", "http://127.0.0.1:443/v1", "127.0.0.1:443"),
        ("https://llm.example:443/v1/", "https://llm.example/v1", "llm.example"),
        ("https://llm.example:80/v1", "https://llm.example:80/v1", "llm.example:80"),
        ("https://llm.example/v1/chat/completions", "https://llm.example/v1", "llm.example"),
        ("http://[::1]:11434/v1", "http://[::1]:11434/v1", "[::1]:11434"),
    ],
)
def test_address_and_host(given: str, url: str, host: str) -> None:
    found = named_endpoint(given)
    assert (found.url, found.host) == (url, host)
