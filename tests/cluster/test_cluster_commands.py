"""Commands over a cluster: the bytes of one process, whoever is killed."""

from __future__ import annotations

import datetime
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import cluster_tasks
import dask
import psutil
import pytest
from cluster_nodes import HERE, SLOW, NodesUnderTest

import ehrxqa
from ehrxqa.building.build_each import build_each
from ehrxqa.dataset.answer import answer
from ehrxqa.errors import BuildError, SettingsError
from ehrxqa.files import sha256_of
from ehrxqa.models.run import run
from ehrxqa.progress import Progress
from ehrxqa.runs import dask_pool, dask_slurm
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
    ehrxqa.generate(out, test=8, seed=5, scopes=["table"], workers=workers, cluster=cluster)
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
        until = time.monotonic() + SLOW
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
    with NodesUnderTest(tmp_path / "nodes", tls=ours) as nodes:
        nodes.add_workers(1)
        assert nodes.address.startswith("tls://127.0.0.1")
        cluster = named_cluster(nodes.address)
        with pytest.raises(SettingsError, match="Dask's settings name no certificates"), shard_pool(cluster=cluster):
            pass
        with monkeypatch.context() as patch, dask.config.set(in_settings(others)):
            patch.setattr(dask_pool, "_CONNECTING", 3.0)
            with pytest.raises(BuildError, match="no Dask scheduler answers"):
                shard_pool(cluster=cluster).__enter__()
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


def test_a_run_asks_its_vision_model_on_the_cluster(small, tmp_path):
    scores = []
    with NodesUnderTest(tmp_path / "nodes") as nodes:
        nodes.add_workers(2)
        for name, cluster in (("here", None), ("there", named_cluster(nodes.address))):
            out = tmp_path / name
            shutil.copytree(small / "out", out, ignore=shutil.ignore_patterns(".work"))
            ehrxqa.generate(out, test=8, seed=1, scopes=["image"], workers=1)
            report = run(out, vision="first", images=small / "hospital", cluster=cluster, workers=1, name="x")
            assert report.run.used.images > 0
            scores.append((out / "runs/x/answers.json").read_bytes())
        assert scores[0] == scores[1]
        with pytest.raises(SettingsError, match="models that look at pictures; the parser gold and oracle answer here"):
            run(tmp_path / "here", cluster=named_cluster(nodes.address))


def test_each_tree_of_a_folder_is_built_and_one_that_fails_ends_no_other(small, tmp_path):
    trees = tmp_path / "trees"
    (trees / "c").mkdir(parents=True)
    for name in "ab":
        (trees / name).symlink_to(small / "hospital")
    with NodesUnderTest(tmp_path / "nodes") as nodes:
        nodes.add_workers(1)
        built = build_each(trees, tmp_path / "out", cluster=named_cluster(nodes.address))
    assert [tree.name for tree in built] == ["a", "b", "c"]
    assert [tree.error is None for tree in built] == [True, True, False]
    assert str(trees / "c") in built[2].error
    ours = digests(small / "out/database") | digests(small / "out/labels")
    assert digests(tmp_path / "out/a/database") | digests(tmp_path / "out/a/labels") == ours
    with pytest.raises(SettingsError, match="holds no folders"):
        build_each(trees / "c", tmp_path / "none")


SBATCH = """#!/bin/sh
# what SLURM does, as far as dask-jobqueue sees it: the script runs elsewhere, and its number is told
cp "$1" {folder}/job.sh  # as SLURM does: the script is gone once it is submitted
setsid sh {folder}/job.sh > {folder}/job.log 2>&1 < /dev/null &
echo "Submitted batch job $!"
"""
SCANCEL = '#!/bin/sh\nkill -TERM -- "-$1" 2>/dev/null\nexit 0\n'


def test_jobs_of_slurm_do_shards_and_end_with_the_command(tmp_path, monkeypatch):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in (("sbatch", SBATCH.format(folder=tmp_path)), ("scancel", SCANCEL)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    file = tmp_path / "jobs.toml"
    file.write_text(
        'jobs = 1\nmemory = "1GB"\ninterface = "lo"\nqueue = "short"\n'
        f'shared_temp_directory = "{tmp_path}/shared"\nlocal_directory = "{tmp_path}/scratch"\n'
        f"waiting_seconds = {SLOW}\n"
    )
    cluster = named_cluster(f"slurm:{file}", confirmed="jobs.toml")
    with shard_pool(cluster=cluster) as pool:
        pids = set(pool.map(cluster_tasks.process, range(6)))
        assert len(pids) == 1
        listening = [each for each in psutil.Process().net_connections("inet") if each.status == psutil.CONN_LISTEN]
        assert {each.laddr.ip for each in listening} == {"127.0.0.1"}
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=SLOW)
    assert not alive
    assert not any((tmp_path / "shared").iterdir())
    for text, said in (
        ("jobs = 0", "jobs must be a number"),
        ("jobs = 1\nsecurity = 1", "security cannot be chosen"),
        ('jobs = 1\nwaiting_seconds = "1h"', "waiting_seconds must be a number of seconds"),
    ):
        file.write_text(text)
        with pytest.raises(SettingsError, match=said):
            shard_pool(cluster=cluster).__enter__()


def refusals(monkeypatch, tmp_path, settings=""):
    """What is said when SLURM answers with the files `sbatch` and `squeue` of a folder, as they are at the time."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sbatch", "squeue", "scancel"):
        (tools / name).write_text("#!/bin/sh\nexit 1\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setattr(dask_slurm, "_ASKING", (0.1, 0.1))
    file = tmp_path / "jobs.toml"
    file.write_text(
        f'jobs = 2\nmemory = "1GB"\ninterface = "lo"\nshared_temp_directory = "{tmp_path}/shared"\n{settings}\n'
    )
    cluster = named_cluster(f"slurm:{file}", confirmed="jobs.toml", patience=1.0)
    heard = []

    class Heard(Progress):
        def note(self, text):
            heard.append(text)

    def said(sbatch, squeue, waiting=SLOW):
        for name, text in (("sbatch", sbatch), ("squeue", squeue)):
            (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        file.write_text(f"{file.read_text()}waiting_seconds = {waiting}\n")
        try:
            with pytest.raises(BuildError) as caught, shard_pool(cluster=cluster, progress=Heard()):
                pass
        finally:
            file.write_text(file.read_text().rpartition("waiting_seconds")[0])
        return str(caught.value).removeprefix(f"slurm:{file}: ").removeprefix(f"{file}: "), heard

    return said


TAKES = "echo 'Submitted batch job 4711'"


def test_jobs_that_end_before_a_worker_came_are_not_waited_for(tmp_path, monkeypatch):
    said = refusals(monkeypatch, tmp_path, 'job_extra_directives = ["--output=jobs/%j.txt"]')
    text, _ = said(TAKES, "echo 1; echo 47110")  # jobs of the user, none of them ours
    log = Path("jobs/4711.txt").absolute()
    assert text == (f"no worker is there and no job is left in the queue (1 submitted); what job 4711 said is in {log}")
    for squeue in ("echo 4711", "exit 1"):  # it is in the queue; SLURM does not say
        text, _ = said(TAKES, squeue, waiting=1.5)
        assert text == "waited 2 s in vain for the first job, which waits in the queue (limit: waiting_seconds)"


def test_what_slurm_says_of_jobs_that_it_does_not_take(tmp_path, monkeypatch):
    said = refusals(monkeypatch, tmp_path, f'log_directory = "{tmp_path}/logs"\njob_name = "xray"')
    text, _ = said("echo 'sbatch: error: invalid partition' >&2; exit 1", "exit 1")
    assert text == "SLURM takes no job (sbatch: error: invalid partition)"
    text, heard = said(f"mkdir {tmp_path}/taken || {{ echo 'too many' >&2; exit 1; }}; {TAKES}", "exit 0")
    assert text.endswith(f"(1 submitted); what job 4711 said is in {tmp_path}/logs/xray-4711.err")
    assert any("SLURM takes 1 of 2 jobs (" in note and "too many" in note for note in heard)
