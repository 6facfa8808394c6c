"""Models behind an endpoint, against a server on this machine that answers, misbehaves, and is looked at."""

from __future__ import annotations

import base64
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from ehrxqa.errors import EndpointError, SettingsError, VqaError
from ehrxqa.layout import image_path
from ehrxqa.net.chat import Patience
from ehrxqa.net.endpoint import named_endpoint
from ehrxqa.vqa import ABSTAIN, VqaReply, VqaRequest, parse
from ehrxqa.vqa.ask import vqa_ask as ask_pairs
from ehrxqa.vqa.endpoint import EndpointModel, EndpointSettings, split_address
from ehrxqa.vqa.image_paths import ImageFiles
from ehrxqa.vqa.pairs import write_pairs
from ehrxqa.vqa.registry import make_model

QUICK = Patience(attempts=3, first_seconds=0.01, longest_seconds=0.02)


class Server:
    """Replies with what `say` makes of a request body: a text, or (status, value)."""

    def __init__(self, say):
        self.say, self.bodies, self.most, self.open, self.lock = say, [], 0, 0, threading.Lock()
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with site.lock:
                    site.bodies.append(body)
                    site.open += 1
                    site.most = max(site.most, site.open)
                said = site.say(body)
                status, value = said if isinstance(said, tuple) else (200, completion(said, body))
                data = json.dumps(value).encode()
                with site.lock:
                    site.open -= 1
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"http://{self.host}/v1"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def completion(text, body):
    choice = {"message": {"role": "assistant", "content": text}}
    if body.get("logprobs"):
        choice["logprobs"] = {"content": [{"token": "a", "logprob": -0.25}, {"token": "b", "logprob": -0.25}]}
    return {"choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}


@pytest.fixture
def serve():
    servers = []

    def start(say):
        servers.append(Server(say))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def files(tmp_path):
    for number in range(3):
        path = tmp_path / "files" / image_path(10000000 + number, 50000000 + number, f"image-{number}")
        path.parent.mkdir(parents=True)
        Image.new("L", (300 + number, 200), 90 * number).save(path)
    path.write_bytes(b"no picture")
    return ImageFiles(tmp_path, {50000000 + number: 10000000 + number for number in range(4)})


def ask(number, text):
    return VqaRequest(50000000 + number, f"image-{number}", parse(text), text)


def model(server, files, *, patience=QUICK, **settings):
    return EndpointModel(
        named_endpoint(server.url),
        "eyes",
        files,
        settings=EndpointSettings(**settings),
        synthetic=True,
        patience=patience,
    )


def question(body):
    return next(part["text"] for part in body["messages"][0]["content"] if part["type"] == "text")


ASKED = [ask(0, "is there picc?"), ask(1, "list all device."), ask(1, "which view is in this image, ap or pa?")]


def answers(body):
    allowed = body["response_format"]["json_schema"]["schema"]["properties"]["answer"]
    if allowed["type"] == "string":
        return '{"answer": "yes"}'
    return json.dumps({"answer": allowed["items"]["enum"][:1]})


def test_pictures_go_as_data_uris_and_replies_are_held_to_a_schema(serve, files):
    server = serve(answers)
    asked = model(server, files, pixels=100)
    replies = asked.answer(ASKED)
    assert [reply.answer for reply in replies] == [True, ("sternotomy wires",), ("ap",)]
    assert all(reply.confidence == pytest.approx(0.6065, abs=1e-3) for reply in replies)
    assert (asked.requests, asked.tokens_in, asked.tokens_out) == (3, 21, 6)
    for body in server.bodies:
        uri = body["messages"][0]["content"][0]["image_url"]["url"]
        head, _, data = uri.partition(",")
        assert head == "data:image/jpeg;base64"
        assert max(Image.open(io.BytesIO(base64.b64decode(data))).size) == 100
        assert body["temperature"] == 0
        assert body["model"] == "eyes"
    assert server.most <= 4


def test_a_server_without_schemas_is_asked_without(serve, files):
    def old(body):
        if "response_format" in body:
            return 400, {"error": {"message": "response_format is not known"}}
        return "Answer: " + ("yes" if "yes or no" in question(body) else "none")

    server = serve(old)
    asked = model(server, files)
    assert [reply.answer for reply in asked.answer(ASKED)] == [True, (), ()]
    assert sum("response_format" in body for body in server.bodies) == 1  # asked once, and remembered
    older = serve(lambda body: (422, {}) if {"response_format", "logprobs"} & body.keys() else "no")
    assert model(older, files).answer(ASKED[:1]) == [VqaReply(False, None)]
    none = serve(lambda body: (400, {"error": {"message": "no pictures here"}}))
    with pytest.raises(EndpointError, match="HTTP 400: no pictures here"):
        model(none, files).answer(ASKED[:1])


def test_what_cannot_be_read_abstains_and_is_counted(serve, files):
    said = iter(["<think>hm</think>yes", "I see a cat", "", '{"answer": "maybe"}'])
    asked = model(serve(lambda _: next(said)), files, concurrency=1)
    replies = asked.answer([ASKED[0]] * 4)
    assert [reply.answer for reply in replies] == [True, ABSTAIN, ABSTAIN, ABSTAIN]
    assert replies[0].confidence is None  # what was thought aloud is no measure
    assert asked.unread == 3


def test_busy_servers_are_waited_for_and_broken_ones_end_the_run(serve, files):
    faults = [(429, {}), (503, {}), (200, {"choices": "none"})]
    server = serve(lambda body: faults.pop() if faults else answers(body))
    patient = Patience(attempts=5, first_seconds=0.01, longest_seconds=0.02)
    replies = model(server, files, patience=patient).answer(ASKED[:2])
    assert replies[0].answer is True
    with pytest.raises(EndpointError, match="given up after 3 tries"):
        model(serve(lambda _: (503, {})), files).answer(ASKED)


def test_no_more_requests_than_allowed(serve, files):
    server = serve(answers)
    with pytest.raises(EndpointError, match="2 requests were sent, as many as allowed"):
        model(server, files, most_requests=2, concurrency=1).answer(ASKED)
    assert len(server.bodies) == 2


def test_a_missing_or_broken_picture_names_its_study(serve, files):
    server = serve(answers)
    with pytest.raises(VqaError, match="study 50000003 has no image file"):
        model(server, files).answer([ask(3, "is there picc?")])
    with pytest.raises(VqaError, match="study 50000002: .* not a readable image"):
        model(server, files).answer([ask(2, "is there picc?")])
    assert not server.bodies


def test_nothing_is_sent_without_consent(serve, files):
    server = serve(answers)
    where = named_endpoint(server.url)
    with pytest.raises(SettingsError, match=f"nothing was sent.*--confirm-endpoint {server.host}"):
        EndpointModel(where, "eyes", files)
    with pytest.raises(SettingsError, match="not the host of the endpoint"):
        EndpointModel(where, "eyes", files, synthetic=True, confirmed="elsewhere.example")
    with pytest.raises(SettingsError, match="nothing was sent"):
        EndpointModel(named_endpoint("https://llm.example/v1"), "eyes", files, synthetic=True)
    assert not server.bodies
    said = []
    EndpointModel(where, "eyes", files, ask=lambda what, host: said.append(what) or host)
    assert "chest X-rays and questions will be sent to" in said[0]
    assert EndpointModel(where, "eyes", files, confirmed=server.host).answer(ASKED[:1])[0].answer is True


def test_the_text_that_names_an_endpoint():
    known = {"tokens": "", "confirm": ""}
    assert split_address("https://a.example/v1:m", known) == ("https://a.example/v1", "m", {})
    assert split_address("http://127.0.0.1:1/v1:m:7b:tokens=3:confirm=127.0.0.1:1", known) == (
        "http://127.0.0.1:1/v1", "m:7b", {"tokens": "3", "confirm": "127.0.0.1:1"},
    )  # fmt: skip
    for text in ("m", "https://a.example/v1", "ftp://a.example:m", "https://a.example/v1:m:speed=3"):
        with pytest.raises(SettingsError):
            split_address(text, known)


def test_an_interrupted_run_goes_on(serve, trained, tmp_path):
    from ehrxqa.vqa.database_labels import studies_of_database

    out, images = trained / "out", trained / "hospital"
    database = out / "database/test/mimic_iv_cxr.db"
    studies = sorted(studies_of_database(database).items())[:6]
    text = "is there picc?"
    pairs = [VqaRequest(study, image, parse(text), text) for study, (_, image) in studies]
    write_pairs(tmp_path / "pairs.jsonl", pairs)
    server = serve(answers)
    spec = f"endpoint:{server.url}:eyes:concurrency=1"
    common = {"target": tmp_path / "answers.jsonl", "pairs": tmp_path / "pairs.jsonl", "images": images}
    with pytest.raises(EndpointError, match="as many as allowed"):
        ask_pairs(out, model=f"{spec}:limit=5", **common)
    first = len(server.bodies)
    report = ask_pairs(out, model=spec, **common)
    assert report.known == 4 and report.asked == 2  # batches of four are kept
    assert len(server.bodies) == first + 2
    assert report.unread == 0
    with pytest.raises(SettingsError, match="a whole number, at least 1"):
        make_model(f"{spec}:limit=0", database=database, images=images)
