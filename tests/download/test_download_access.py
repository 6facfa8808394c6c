"""The host's door: who is asked for a password, what a refusal says, and where nothing is ever sent."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
import types
from contextlib import suppress
from pathlib import Path

import pytest
from fake_clock import FakeClock
from physionet_server import PASSWORD, USER, Fault, PhysioNet
from published import publish_everything

from ehrxqa.downloading import Credentials, DownloadError, Network, download
from ehrxqa.errors import SettingsError
from ehrxqa.net import credentials as credentials_module
from ehrxqa.net.credentials import Secret, find_credentials
from ehrxqa.net.errors import TransientFault
from ehrxqa.net.host import named_host
from ehrxqa.net.http_client import Client
from ehrxqa.net.pacing import Retries


def test_the_open_demo_needs_and_sends_no_credentials(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    publish_everything(site)
    report = download(tmp_path, stages=["demo"], network=network)
    assert [file.outcome for file in report.files] == ["fetched"] * 16
    assert all(one.authorization is None for one in site.seen)
    for path, data in site.files.items():
        if path.startswith("mimic-iv-demo"):
            assert (tmp_path / path).read_bytes() == data


def test_a_build_fetches_24_files_into_the_layout_of_the_addresses(
    site: PhysioNet, network: Network, credentials: Credentials, tmp_path: Path
) -> None:
    publish_everything(site)
    report = download(tmp_path, network=network, credentials=credentials)
    assert len(report.files) == 24
    assert {file.outcome for file in report.files} == {"fetched"}
    for file in report.files:
        assert (tmp_path / file.name).read_bytes() == site.files[file.name]
    assert all(one.agent.startswith("Wget/") and "ehrxqa/" in one.agent for one in site.seen)
    # asked once, and the cookie is kept: the password is not checked anew for every file
    assert sum(one.authorization is None for one in site.seen) == 1
    assert all("testcookie=1" in one.headers.get("Cookie", "") for one in site.seen[1:])
    assert not any("Accept-Encoding" in one.headers and "gzip" in one.headers["Accept-Encoding"] for one in site.seen)


def test_a_wrong_password_is_one_clear_error_and_is_sent_once(
    site: PhysioNet, network: Network, clock: FakeClock, tmp_path: Path
) -> None:
    publish_everything(site)
    with pytest.raises(DownloadError, match="does not accept the user name and password from the test") as caught:
        download(tmp_path, network=network, credentials=Credentials("someone", "guess", "the test"))
    assert caught.value.status == 401
    assert len(site.seen) == 2
    assert clock.slept == []


def test_missing_credentials_say_how_to_give_them(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    publish_everything(site)
    with pytest.raises(DownloadError, match=r"PHYSIONET_USERNAME and PHYSIONET_PASSWORD, or add .*netrc"):
        download(tmp_path, network=network)


def test_unsigned_agreements_are_all_named_with_their_addresses(
    site: PhysioNet, network: Network, credentials: Credentials, tmp_path: Path
) -> None:
    publish_everything(site)
    site.signed -= {"mimiciv", "chest-imagenome"}
    report = download(tmp_path, network=network, credentials=credentials)
    assert [release.slug for release in report.refused] == ["mimiciv", "chest-imagenome"]
    said = report.as_text().splitlines()[-1]
    assert "https://physionet.org/sign-dua/mimiciv/2.2/" in said
    assert "https://physionet.org/sign-dua/chest-imagenome/1.0.0/" in said
    assert "mimic-cxr-jpg" not in said
    # what could be had has come
    assert [path.name for path in tmp_path.rglob("*.gz")] == ["mimic-cxr-2.0.0-metadata.csv.gz"]
    site.signed.clear()
    with pytest.raises(DownloadError, match="sign the data use agreement") as caught:
        download(tmp_path / "other", network=network, credentials=credentials)
    assert caught.value.status == 403


def test_a_missing_release_says_which_version_was_expected(
    site: PhysioNet, network: Network, credentials: Credentials, tmp_path: Path
) -> None:
    publish_everything(site)
    for path in [path for path in site.files if path.startswith("mimiciv/")]:
        site.files[path.replace("/2.2/", "/3.1/")] = site.files.pop(path)
    with pytest.raises(DownloadError, match=r"HTTP 404.*release 2\.2 of MIMIC-IV is expected"):
        download(tmp_path, network=network, credentials=credentials)


def test_a_release_that_lists_other_files_is_named(
    site: PhysioNet, network: Network, credentials: Credentials, tmp_path: Path
) -> None:
    publish_everything(site)
    del site.files["mimiciv/2.2/hosp/labevents.csv.gz"]
    site.publish_sums("mimiciv/2.2")
    with pytest.raises(DownloadError, match=r"does not list hosp/labevents\.csv\.gz: is this MIMIC-IV 2\.2"):
        download(tmp_path, network=network, credentials=credentials)


def test_offline_is_said_at_once(clock: FakeClock, tmp_path: Path) -> None:
    network = Network(clock=clock.again)  # physionet.org; the guard of these tests answers for the resolver
    with pytest.raises(DownloadError, match=r"physionet\.org cannot be reached .*offline"):
        download(tmp_path, stages=["demo"], network=network)
    assert clock.slept == []


def test_a_refused_connection_is_said_at_once(site: PhysioNet, clock: FakeClock, tmp_path: Path) -> None:
    network = Network(address="http://127.0.0.1:9", clock=clock.again)
    with pytest.raises(DownloadError, match="cannot be reached"):
        download(tmp_path, stages=["demo"], network=network)
    assert clock.slept == []


def test_credentials_do_not_follow_a_redirect(
    site: PhysioNet, network: Network, credentials: Credentials, tmp_path: Path
) -> None:
    publish_everything(site)
    other = PhysioNet().start()
    try:
        publish_everything(other)
        path = "mimiciv/2.2/hosp/patients.csv.gz"
        site.faults[path] = [Fault("redirect", 0, f"{other.address}/files/{path}")]
        with pytest.raises(DownloadError, match="redirects to another host"):
            download(tmp_path, only=["mimiciv"], network=network, credentials=credentials)
        assert other.seen == []
        assert not (tmp_path / path).exists()
    finally:
        other.stop()


def test_a_redirect_within_the_host_is_followed(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    publish_everything(site)
    path, elsewhere = "mimic-iv-demo/2.2/hosp/patients.csv.gz", "mirror/patients.csv.gz"
    site.files[elsewhere] = site.files[path]
    site.faults[path] = [Fault("redirect", 0, f"/files/{elsewhere}")]
    download(tmp_path, stages=["demo"], network=network)
    assert (tmp_path / path).read_bytes() == site.files[elsewhere]


def test_retry_after_is_kept_and_slows_all_connections(
    site: PhysioNet, network: Network, clock: FakeClock, tmp_path: Path
) -> None:
    publish_everything(site)
    site.faults["mimic-iv-demo/2.2/icu/chartevents.csv.gz"] = [Fault("429", 0, "17"), Fault("503", 0, "40")]
    download(tmp_path, stages=["demo"], network=network)
    assert clock.now >= 1_000 + 17 + 40


def test_what_passes_is_told_from_what_does_not(site: PhysioNet, clock: FakeClock) -> None:
    path = "/files/x/1.0/a.txt"
    site.files["x/1.0/a.txt"] = b"content"
    client = Client(named_host(site.address), clock, lambda: Credentials(USER, PASSWORD, "the test"))
    told = {}
    for status in (400, 403, 404, 407, 408, 410, 424, 425, 428, 429, 499, 500, 501, 502, 503, 504, 505):
        site.faults["x/1.0/a.txt"] = [Fault(str(status))]
        with pytest.raises((DownloadError, TransientFault)) as caught, client.open("GET", path):
            pass
        told[status] = str(caught.value) if isinstance(caught.value, TransientFault) else caught.value.status
    busy = {408: "", 425: "", 429: " (too many requests)", 500: " (server error)", 502: " (bad gateway)"}
    busy |= {503: " (unavailable)", 504: ""}
    assert told == {status: f"HTTP {status}{busy[status]}" if status in busy else status for status in told}
    with client.open("GET", path) as answer:
        assert (answer.status, b"".join(answer.chunks())) == (200, b"content")
    with client.open("GET", path, {"Range": "bytes=3-"}) as answer:
        assert (answer.status, b"".join(answer.chunks())) == (206, b"tent")
    with client.open("GET", path, {"Range": "bytes=7-"}) as answer:
        assert answer.status == 416
    client.close()
    assert not clock.slept


def test_a_long_retry_after_ends_the_run(site: PhysioNet, network: Network, clock: FakeClock, tmp_path: Path) -> None:
    publish_everything(site)
    site.faults["mimic-iv-demo/2.2/SHA256SUMS.txt"] = [Fault("429", 0, "86400")]
    with pytest.raises(DownloadError, match="asks to come back in 1440 minutes"):
        download(tmp_path, stages=["demo"], network=network)
    assert clock.slept == []


def test_backoff_grows_and_patience_ends(site: PhysioNet, network: Network, clock: FakeClock, tmp_path: Path) -> None:
    publish_everything(site)
    site.faults["mimic-iv-demo/2.2/SHA256SUMS.txt"] = [Fault("500") for _ in range(20)]
    with pytest.raises(DownloadError, match="given up after 8 tries"):
        download(tmp_path, stages=["demo"], network=network)
    assert len(clock.slept) == 7
    for number, slept in enumerate(clock.slept):
        assert min(60, 2**number) / 2 <= slept <= min(60, 2**number)


@pytest.mark.parametrize("connections", [1, 3])
def test_no_more_connections_than_agreed(connections: int, site: PhysioNet, clock: FakeClock, tmp_path: Path) -> None:
    publish_everything(site)
    site.delay_seconds = 0.03
    network = Network(address=site.address, clock=clock.again, connections=connections)
    download(tmp_path, stages=["demo"], network=network)
    assert site.most_open == connections


def test_the_host_may_only_be_replaced_by_a_loopback_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert named_host().name == "physionet.org"
    assert named_host("http://localhost:80").loopback
    for address in (
        "http://physionet.org",
        "https://mirror.example.org",
        "http://127.0.0.1.example.org",
        "http://user:secret@127.0.0.1:1/",
        "ftp://127.0.0.1",
        "http://127.0.0.1:99999",
        "http://127.0.0.1/x",
    ):
        monkeypatch.setenv("EHRXQA_PHYSIONET_URL", address)
        with pytest.raises(SettingsError) as caught:
            named_host()
        assert "secret" not in str(caught.value)


def test_environment_comes_before_netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _netrc(monkeypatch, tmp_path, "machine physionet.org login fromfile password filepw\n")
    assert find_credentials(print, prompt=False).origin.endswith(".netrc")
    monkeypatch.setenv("PHYSIONET_USERNAME", USER)
    monkeypatch.setenv("PHYSIONET_PASSWORD", PASSWORD)
    assert find_credentials(print, prompt=False).origin == "the environment"
    monkeypatch.delenv("PHYSIONET_USERNAME")
    with pytest.raises(SettingsError, match="PHYSIONET_USERNAME is not"):
        find_credentials(print, prompt=False)


def test_netrc_is_used_for_the_name_that_is_wanted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _netrc(monkeypatch, tmp_path, "machine physionet.org login fromfile password filepw\n")
    monkeypatch.setenv("PHYSIONET_USERNAME", "fromfile")
    found = find_credentials(print, prompt=False)
    assert found.authorization() == Credentials("fromfile", "filepw").authorization() and found.origin.endswith(
        ".netrc"
    )
    monkeypatch.setenv("PHYSIONET_USERNAME", "somebody")
    with pytest.raises(DownloadError, match="asks for a user name and password"):
        find_credentials(print, prompt=False)


def test_netrc_is_only_read_and_open_permissions_are_warned_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = _netrc(monkeypatch, tmp_path, "machine physionet.org login a password b\n")
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    notes: list[str] = []
    find_credentials(notes.append, prompt=False)
    assert notes == []
    path.chmod(0o644)
    find_credentials(notes.append, prompt=False)
    assert len(notes) == 1
    assert "chmod 600" in notes[0]
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_a_broken_netrc_is_reported_without_quoting_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _netrc(monkeypatch, tmp_path, "machine physionet.org login a\n  hunter2secret\n")
    with pytest.raises(SettingsError, match="cannot be read as a netrc file") as caught:
        find_credentials(print, prompt=False)
    error: BaseException | None = caught.value
    while error is not None:
        assert "hunter2secret" not in str(error)
        error = error.__cause__ or error.__context__


def _netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> Path:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    path = home / ".netrc"
    path.write_text(text)
    path.chmod(0o600)
    monkeypatch.setattr(Path, "home", lambda: home)
    return path


def test_keyring_is_asked_if_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def get_credential(service: str, username: str | None) -> object:
        asked.append((service, username))
        return types.SimpleNamespace(username="a", password="b")

    monkeypatch.setitem(__import__("sys").modules, "keyring", types.SimpleNamespace(get_credential=get_credential))
    assert find_credentials(print, prompt=False).origin == "the keyring"
    assert asked == [("physionet.org", None)]


def test_the_prompt_never_echoes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import getpass
    import warnings

    class Terminal:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return "someone\n"

    monkeypatch.setattr(credentials_module.sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda prompt, stream: PASSWORD)
    assert find_credentials(print).origin == "the prompt"
    captured = capsys.readouterr()
    assert captured.out == ""
    assert PASSWORD not in captured.err

    def without_terminal(prompt: str, stream: object) -> str:
        warnings.warn("Can not control echo on the terminal.", getpass.GetPassWarning, stacklevel=1)
        return "typed in the clear"

    monkeypatch.setattr(getpass, "getpass", without_terminal)
    with pytest.raises(DownloadError, match="asks for a user name"):
        find_credentials(print)


def test_secrets_do_not_show() -> None:
    import copy
    import pickle

    both = Credentials(USER, PASSWORD)
    secret = Secret(PASSWORD)
    for text in (repr(both), str(both), f"{both}", repr(secret), str(secret), f"{secret:>40}", f"{secret}"):
        assert PASSWORD not in text
        assert USER not in text
    for value in (both, secret):
        with pytest.raises(TypeError):
            pickle.dumps(value)
        with pytest.raises(TypeError):
            copy.deepcopy(value)


def test_credentials_are_refused_without_tls_beyond_loopback(clock: FakeClock) -> None:
    from ehrxqa.net.host import Host

    client = Client(Host("http", "physionet.org", 80), clock, lambda: Credentials("a", "b"))
    with pytest.raises(DownloadError, match="without TLS"):
        client._ask_credentials(None)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command to make a certificate")
def test_tls_is_verified_and_a_proxy_sees_nothing(
    site: PhysioNet, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, credentials: Credentials
) -> None:
    """The real name over TLS, through a proxy of the environment that leads to the test server."""
    publish_everything(site)
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=physionet.org", "-addext", "subjectAltName=DNS:physionet.org",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    site.server.socket = context.wrap_socket(site.server.socket, server_side=True)
    proxy = _Proxy(site.server.server_address[1])
    monkeypatch.setenv("HTTPS_PROXY", f"http://clerk:pr%40xy@127.0.0.1:{proxy.port}")
    try:
        impatient = Network(clock=clock.again, retries=Retries(attempts=2))
        with pytest.raises(DownloadError, match=r"certificate of physionet\.org cannot be verified.*SSL_CERT_FILE"):
            download(tmp_path / "a", network=impatient, credentials=credentials)
        assert site.seen == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        report = download(tmp_path / "b", only=["mimiciv"], network=Network(clock=clock.again), credentials=credentials)
        assert {file.outcome for file in report.files} == {"fetched"}
    finally:
        proxy.stop()
    assert all(head.startswith(b"CONNECT physionet.org:443") for head in proxy.heads)
    assert b"Proxy-Authorization: Basic Y2xlcms6cHJAeHk=" in proxy.heads[0]
    assert not any(credentials.authorization().encode() in head for head in proxy.heads)


class _Proxy:
    """A CONNECT proxy that leads every tunnel to one port of this machine."""

    def __init__(self, target: int) -> None:
        import socket

        self.heads: list[bytes] = []
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._tunnel, args=(client,), daemon=True).start()

    def _tunnel(self, client: object) -> None:
        import socket

        assert isinstance(client, socket.socket)
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        self.heads.append(head)
        server = socket.create_connection(("127.0.0.1", self._target))
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        threads = [
            threading.Thread(target=self._pump, args=pair, daemon=True) for pair in ((client, server), (server, client))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        client.close()
        server.close()

    @staticmethod
    def _pump(source: object, sink: object) -> None:
        import socket

        assert isinstance(source, socket.socket)
        assert isinstance(sink, socket.socket)
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def stop(self) -> None:
        self._listener.close()
