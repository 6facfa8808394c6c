"""The client against a server that misbehaves: patient where it helps, clear where not, silent about the key."""

from __future__ import annotations

import importlib
import random
import time
import traceback

import pytest
from chat_server import KEY, ChatServer

from ehrxqa.errors import EndpointError, SettingsError
from ehrxqa.net.chat import ChatClient, Patience, _count
from ehrxqa.net.credentials import Secret
from ehrxqa.net.endpoint import Endpoint, find_key, named_endpoint
from ehrxqa.paraphrasing.instructions import request_body

QUICK = Patience(attempts=3, first_seconds=0.01, answer_seconds=0.5)
BODY = request_body("was [drug_1] given?", model="m", wordings=1, temperature=None, seed=None)
GOOD = ["in our data, was [drug_1] given?"]


class Longest(random.Random):
    """Waits are not shortened by chance."""

    def uniform(self, a, b):
        assert (a, b) == (0.5, 1.0)
        return b


def client(site: ChatServer, patience: Patience = QUICK, key: str = KEY) -> ChatClient:
    return ChatClient(named_endpoint(site.url), Secret(key) if key else None, patience=patience)


def test_a_request_is_what_the_protocol_says(site):
    site.key = KEY
    body = request_body("was [drug_1] given?", model="m", wordings=3, temperature=0.5, seed=7)
    with client(site) as chat:
        assert len(chat.complete(body)[0].split("\n")) == 3
    assert site.paths == ["/v1/chat/completions"]
    (sent,) = site.bodies
    assert set(sent) == {"model", "messages", "temperature", "seed"} and (sent["temperature"], sent["seed"]) == (0.5, 7)
    assert set(BODY) == {"model", "messages"}
    assert site.headers[0]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "fault", ["500", "503", "429", "malformed", "html", "choices", "deep", "huge", "gzip", "slow", "drop"]
)
def test_what_may_pass_is_tried_again(fault, site):
    site.faults = [fault, fault]
    with client(site) as chat:
        assert chat.complete(BODY) == GOOD
    assert len(site.bodies) == 3


@pytest.mark.parametrize(
    ("told", "counted"),
    [(0, 0), (7, 7), ((1 << 40) - 1, (1 << 40) - 1), (1 << 40, 0), (-1, 0), (7.0, 0), ("7", 0), (None, 0)],
)
def test_tokens_are_counted_where_the_endpoint_tells_a_number(told, counted):
    assert _count({"prompt_tokens": told}, "prompt_tokens") == counted
    assert _count([told], "prompt_tokens") == _count({}, "prompt_tokens") == 0


def test_which_answers_may_pass_and_how_long_is_waited_unless_told_otherwise(site):
    slept = []
    with ChatClient(named_endpoint(site.url), None, patience=Patience(random=Longest())) as chat:
        chat.clock.sleep = slept.append
        for status in (408, 425, 429, 500, 502, 503, 504, 529):
            site.faults = [str(status)]
            assert chat.complete(BODY) == GOOD, status
        assert slept == [1.0] * 8
        for status in (400, 404, 407, 409, 424, 426, 428, 499, 501, 505, 528, 530):
            site.faults = [str(status)]
            with pytest.raises(EndpointError, match=f"HTTP {status}") as caught:
                chat.complete(BODY)
            assert caught.value.status == status
        slept.clear()
        site.always = "503"
        with pytest.raises(EndpointError, match="given up after 6 tries"):
            chat.complete(BODY)
    assert slept == [1.0, 2.0, 4.0, 8.0, 16.0]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("500", "HTTP 500"), ("malformed", "not a chat completion"), ("html", "not a chat completion"),
        ("huge", "more than 1,048,576 bytes"), ("gzip", "a compressed answer"), ("slow", "no answer in time"),
        ("drip", "no whole answer in time"), ("drop", "the connection was lost"),
    ],
)  # fmt: skip
def test_patience_ends(fault, said, site):
    site.always = fault
    with client(site) as chat, pytest.raises(EndpointError, match=rf"given up after 3 tries \(.*{said}") as caught:
        chat.complete(BODY)
    assert len(site.bodies) == 3
    assert "run the same command again" in str(caught.value)


def test_retry_after_is_kept(site):
    site.faults = ["429:1"]
    started = time.monotonic()
    with client(site) as chat:
        assert chat.complete(BODY) == GOOD
    assert time.monotonic() - started >= 1
    site.faults = ["429:86400"]
    with client(site) as chat, pytest.raises(EndpointError, match="come back in 1440 minutes"):
        chat.complete(BODY)


def test_no_redirect_is_followed(site):
    other = ChatServer()
    try:
        site.faults = [f"redirect:{other.url}/chat/completions"]
        with client(site) as chat, pytest.raises(EndpointError, match="redirects elsewhere; refused"):
            chat.complete(BODY)
        assert not other.bodies
    finally:
        other.stop()


@pytest.mark.parametrize("fault", ["400", "401", "403", "404", "422", "501"])
def test_refusals_are_final_and_do_not_show_the_key(fault, site):
    site.faults = [fault]
    with client(site) as chat, pytest.raises(EndpointError) as caught:
        chat.complete(BODY)
    assert len(site.bodies) == 1
    told = "".join(traceback.format_exception(caught.value))
    assert KEY not in told and "\n" not in str(caught.value)
    assert fault in str(caught.value)


def test_a_missing_key_is_named(site):
    site.key = KEY
    with client(site, key="") as chat, pytest.raises(EndpointError, match=r"asks for a key .* set EHRXQA_LLM_API_KEY"):
        chat.complete(BODY)


def test_errors_of_the_library_do_not_show_the_key(site, monkeypatch):
    with client(site) as chat:
        httpx2 = importlib.import_module("httpx2")

        def send(request, **_):
            raise httpx2.LocalProtocolError(f"Illegal header value {request.headers['Authorization']!r}")

        monkeypatch.setattr(chat._client, "send", send)
        with pytest.raises(EndpointError, match="the connection was lost") as caught:
            chat.complete(BODY)
    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_a_host_that_is_not_there_is_told_at_once():
    server = ChatServer()
    server.stop()
    with client(server) as chat, pytest.raises(EndpointError, match="cannot be reached"):
        chat.complete(BODY)


def test_a_proxy_is_not_asked_for_this_machine(site, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    with client(site) as chat:
        assert chat.complete(BODY) == GOOD


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://llm.example/v1/", Endpoint("https://llm.example/v1", "llm.example", False)),
        ("https://LLM.example:8443", Endpoint("https://llm.example:8443", "llm.example:8443", False)),
        ("https://llm.example:443/v1/chat/completions", Endpoint("https://llm.example/v1", "llm.example", False)),
        ("http://localhost:11434/v1", Endpoint("http://localhost:11434/v1", "localhost:11434", True)),
        ("http://[::1]:8000/v1", Endpoint("http://[::1]:8000/v1", "[::1]:8000", True)),
        ("http://127.0.0.2/v1", Endpoint("http://127.0.0.2/v1", "127.0.0.2", True)),
    ],
)
def test_addresses(url, found):
    assert named_endpoint(url) == found


@pytest.mark.parametrize(
    "url",
    ["", "llm.example/v1", "ftp://llm.example", "http://llm.example/v1", "http://localhost.example/v1", "https://",
     "https://user:sk-pass@llm.example/v1", "https://llm.example/v1?key=sk-pass", "https://llm.example:x/v1",
     "https://llm.example/v1#sk-pass", "https://llm example/v1",
     "https://llm.example/v 1", "https://lľm.example/v1", "http://127.0.0.1\\@llm.example/v1"],
)  # fmt: skip
def test_addresses_that_are_refused(url):
    with pytest.raises(SettingsError) as caught:
        named_endpoint(url)
    assert "sk-pass" not in str(caught.value)


def test_keys_come_from_the_environment_and_go_to_their_host(monkeypatch):
    here, openai = named_endpoint("https://llm.example/v1"), named_endpoint("https://api.openai.com/v1")
    assert find_key(here) is None
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    assert find_key(here) is None
    assert find_key(openai).reveal() == "sk-openai"
    monkeypatch.setenv("EHRXQA_LLM_API_KEY", f" {KEY}\n")
    assert find_key(here).reveal() == KEY
    assert KEY not in repr(find_key(here))
    monkeypatch.setenv("EHRXQA_LLM_API_KEY", "sk-two\nlines")
    with pytest.raises(SettingsError) as caught:
        find_key(here)
    assert "sk-two" not in str(caught.value)


def test_a_key_from_the_keyring(monkeypatch):
    class Keyring:
        @staticmethod
        def get_password(host, user):
            if host == "locked.example":
                raise RuntimeError("locked")
            return "sk-ring" if (host, user) == ("llm.example", "ehrxqa") else None

    monkeypatch.setitem(__import__("sys").modules, "keyring", Keyring)
    assert find_key(named_endpoint("https://llm.example/v1")).reveal() == "sk-ring"
    assert find_key(named_endpoint("https://other.example/v1")) is None
    assert find_key(named_endpoint("https://locked.example/v1")) is None
