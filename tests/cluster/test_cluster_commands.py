"""Commands over a cluster: the bytes of one process, whoever is killed."""

from __future__ import annotations

import datetime
import os
import shutil
import subprocess
import sys
import time
from collections import Counter

import dask
import pytest
from cluster_nodes import HERE, NodesUnderTest

import ehrxqa
from ehrxqa.dataset.answer import answer
from ehrxqa.errors import BuildError, SettingsError
from ehrxqa.files import sha256_of
from ehrxqa.runs import dask_pool
from ehrxqa.runs.cluster import named_cluster
from ehrxqa.runs.shards import shard_pool
from ehrxqa.vqa.ask import vqa_ask
from ehrxqa.vqa.generate import generate as image_questions
from ehrxqa.vqa.records import write_records
from ehrxqa.vqa.split_labels import read_split_labels


def digests(folder):
    return {str(path.relative_to(folder)): sha256_of(path) for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def image_file(small):
    path = small / "questions.json"
    write_records(
        path, image_questions(read_split_labels(small / "out/labels", "test"), "test", per_kind=6, seed=0).records
    )
    return path


def all_work(small, image_file, folder, cluster=None):
    """What the commands write, by their files."""
    out = folder / "out"
    shutil.copytree(small / "out", out, ignore=shutil.ignore_patterns(".work"))
    workers = 1 if cluster is None else None
    vqa_ask(
        out,
        target=folder / "asked.jsonl",
        model="first",
        questions=image_file,
        images=small / "hospital",
        cluster=cluster,
    )
    ehrxqa.generate(out, test=12, train=12, seed=5, workers=workers, cluster=cluster)
    answer(out, out / "dataset/_test.json", folder / "answered.json", workers=workers, cluster=cluster)
    ehrxqa.synth(folder / "synth", subjects=60, events_factor=0.01, images=False, workers=workers, cluster=cluster)
    shutil.rmtree(out / ".work", ignore_errors=True)
    return digests(folder)


def test_one_two_and_four_workers_write_the_bytes_of_one_process(small, image_file, tmp_path):
    alone = all_work(small, image_file, tmp_path / "alone")
    assert {"asked.jsonl", "answered.json", "out/dataset/test.json", "synth/SYNTHETIC.json"} <= alone.keys()
    with NodesUnderTest(tmp_path / "nodes") as nodes:
        for count in (1, 2, 4):
            nodes.add_workers(count - len(nodes.workers))
            cluster = named_cluster(nodes.address)
            nodes.wait_for_workers(count)
            assert all_work(small, image_file, tmp_path / str(count), cluster) == alone


def test_a_killed_client_repeats_at_most_what_was_under_way(small, image_file, tmp_path):
    calls, answers = tmp_path / "calls", tmp_path / "answers.jsonl"
    calls.mkdir()
    with NodesUnderTest(tmp_path / "nodes") as nodes:
        nodes.add_workers(2)
        command = [
            sys.executable, "-m", "ehrxqa", "vqa", "ask", str(small / "out"), "--questions", str(image_file),
            "--model", f"python:cluster_tasks:SlowModel:{calls}", "--out", str(answers), "--cluster", nodes.address,
        ]  # fmt: skip
        first = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(HERE)})
        until = time.monotonic() + 30
        while time.monotonic() < until and not (answers.is_file() and answers.stat().st_size):
            time.sleep(0.01)
        first.kill()
        first.wait()
        kept = answers.read_text().count("\n")
        assert kept
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(HERE)})
        assert done.returncode == 0, done.stderr
        assert f"({kept} before)" in done.stdout
    asked = Counter(line for file in calls.iterdir() for line in file.read_text().splitlines())
    assert kept < len(asked)
    assert max(asked.values()) <= 2
    assert asked.total() - len(asked) <= 8 * 64  # shards under way, of 64 pairs
    whole = tmp_path / "whole.jsonl"
    (tmp_path / "other").mkdir()
    model = f"python:cluster_tasks:SlowModel:{tmp_path / 'other'}"
    vqa_ask(small / "out", target=whole, model=model, questions=image_file)
    assert answers.read_bytes() == whole.read_bytes()


def test_a_worker_without_a_picture_is_named(small, image_file, tmp_path):
    shutil.copytree(small / "hospital", tmp_path / "hospital", ignore=shutil.ignore_patterns("*.csv.gz", "*.zip"))
    next((tmp_path / "hospital").rglob("*.jpg")).write_bytes(b"another")
    for picture in (tmp_path / "hospital").rglob("p1*/**/*.jpg"):
        picture.unlink()
    with NodesUnderTest(tmp_path / "nodes") as nodes:
        nodes.add_workers(1)
        moved = named_cluster(nodes.address, [f"{small / 'hospital'}={tmp_path / 'hospital'}"])
        with pytest.raises(SettingsError, match=r"^worker tcp://127\.0\.0\.1:\d+: .*\.jpg is missing"):
            vqa_ask(
                small / "out", target=tmp_path / "a.jsonl", model="first", questions=image_file,
                images=small / "hospital", cluster=moved,
            )  # fmt: skip


def test_certificates_are_needed_and_known(tmp_path, monkeypatch):
    ours, others = certificates(tmp_path / "ours"), certificates(tmp_path / "others")
    monkeypatch.setattr(dask_pool, "_CONNECTING", 3.0)
    with NodesUnderTest(tmp_path / "nodes", tls=ours) as nodes:
        nodes.add_workers(1)
        assert nodes.address.startswith("tls://127.0.0.1")
        cluster = named_cluster(nodes.address)
        with pytest.raises(SettingsError, match="Dask's settings name no certificates"), shard_pool(cluster=cluster):
            pass
        with (
            dask.config.set(in_settings(others)),
            pytest.raises(BuildError, match="no Dask scheduler answers"),
            shard_pool(cluster=cluster),
        ):
            pass
        with dask.config.set(in_settings(ours)), shard_pool(cluster=cluster) as pool:
            assert list(pool.map(str, range(3))) == ["0", "1", "2"]


def in_settings(folder):
    place = "distributed.comm.tls"
    return {
        f"{place}.ca-file": str(folder / "ca-file.pem"),
        f"{place}.client.cert": str(folder / "cert.pem"),
        f"{place}.client.key": str(folder / "key.pem"),
    }


def certificates(folder):
    """A throw-away certificate that signs itself, as `openssl req -x509` makes it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    folder.mkdir()
    for file in ("ca-file.pem", "cert.pem"):
        (folder / file).write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder
