"""How a cluster is named, and who may be sent data."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from ehrxqa.cli.main import main
from ehrxqa.errors import SettingsError
from ehrxqa.runs.cluster import named_cluster


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:8786", "tcp://head.example:8786", "tcp://0.0.0.0:8786"])
def test_other_machines_are_reached_by_tls_only(address):
    with pytest.raises(SettingsError, match="another machine is reached by tls:// only"):
        named_cluster(address, confirmed="10.0.0.1")


def test_another_machine_is_confirmed_by_name():
    with pytest.raises(
        SettingsError, match=r"nothing was sent: .* head\.example; allow it with --confirm-cluster head"
    ):
        named_cluster("tls://head.example:8786")
    with pytest.raises(SettingsError, match="what was confirmed is not the host"):
        named_cluster("tls://head.example:8786", confirmed="other.example")
    with pytest.raises(SettingsError, match="what was confirmed is not the host"):
        named_cluster("tcp://127.0.0.1:8786", confirmed="other.example")
    assert named_cluster("tls://head.example:8786", confirmed="HEAD.example").address == "tls://head.example:8786"
    asked = []
    named_cluster("tls://head.example:8786", ask=lambda what, host: asked.append(what) or host)
    assert asked == ["data of the build will be sent to head.example"]
    for address in ("local", "tcp://127.0.0.1:8786", "tcp://localhost:1", "tcp://[::1]:1", "tls://127.0.0.1:8786"):
        assert named_cluster(address).address == address


def test_jobs_of_slurm_are_confirmed_by_the_name_of_their_file(tmp_path):
    file = tmp_path / "gpu.toml"
    with pytest.raises(SettingsError, match="no such file"):
        named_cluster(f"slurm:{file}")
    file.write_text("jobs = 1\n")
    with pytest.raises(SettingsError, match=r"--confirm-cluster gpu\.toml"):
        named_cluster(f"slurm:{file}")
    assert named_cluster(f"slurm:{file}", confirmed="gpu.toml")


@pytest.mark.parametrize(
    "address",
    ["", "locally", "tcp://127.0.0.1", "udp://127.0.0.1:1", "tcp://me@127.0.0.1:1", "tcp://127.0.0.1:x", "slurm:"],
)
def test_other_texts_are_refused(address):
    with pytest.raises(SettingsError, match="is not one of: local, tcp://"):
        named_cluster(address)


def test_paths_are_moved_by_the_longest_that_fits():
    cluster = named_cluster("local", ["/mnt/out", "/data=/d", "/data/x-rays=/x"], out="/home/me/out")
    assert [cluster.there(path) for path in ("/home/me/out", "/home/me/out/dataset/a.json", "/home/me/outer")] == [
        "/mnt/out",
        "/mnt/out/dataset/a.json",
        "/home/me/outer",
    ]
    assert [cluster.there(path) for path in ("/data/a", "/data/x-rays/p10", "/data/../etc")] == [
        "/d/a",
        "/x/p10",
        "/etc",
    ]
    for text in ("relative", "=/there", "/here=there"):
        with pytest.raises(SettingsError, match="is not of the form THERE or HERE=THERE"):
            named_cluster("local", [text], out="out")


def test_options_of_a_cluster_need_one(tmp_path):
    done = CliRunner().invoke(main, ["generate", str(tmp_path), "--test", "1", "--on-workers", "/x"])
    assert done.exit_code == 2
    assert "--on-workers and --confirm-cluster are for --cluster" in done.output


def test_without_a_cluster_dask_is_not_imported():
    script = "import sys, ehrxqa.runs.shards, ehrxqa.vqa.ask; print({'dask', 'distributed'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
