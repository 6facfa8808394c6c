"""How fast pages of the explorer come: every kind of page, a list of 46,000 questions, and memory over many requests.

Pages are asked of a server in a process of its own, over HTTP, as a browser does. The first request of a kind reads
what it needs and is shown apart; the others must come within 100 ms (the list of 46,000 within 200 ms).

    python benchmarks/explorer.py [--out demo] [--questions 46000] [--requests 2000]

Without `--out` a synthetic hospital is made, built and asked first. Ends with status 1 if a budget is passed.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ehrxqa.demonstration.run import demo

PAGE_MS, LIST_MS = 100.0, 200.0
#: Memory that caches may still take after the first hundred requests, in MB.
GROWTH_MB = 64.0
SQL = "select+study_id+from+tb_cxr+where+func_vqa(%22is+there+any+abnormality?%22,+study_id)+%3D+true"


def main() -> None:
    """Measure, print, and end with the verdict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--questions", type=int, default=46_000)
    parser.add_argument("--requests", type=int, default=2_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        out = arguments.out
        if out is None:
            out = Path(temporary) / "demo"
            demo(out)
        failed = pages(out, arguments.requests)
        failed |= long_list(out, Path(temporary) / "long", arguments.questions)
    sys.exit(failed)


class Server:
    """`ehrxqa serve` in a process of its own."""

    def __init__(self, *arguments: str) -> None:
        started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "ehrxqa", "serve", *arguments, "--port", "0"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        self.port = int(re.search(r":(\d+)/", line)[1])  # type: ignore[index]
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        self.get("/static/explorer.css")
        self.seconds = time.perf_counter() - started

    def get(self, path: str) -> tuple[float, bytes]:
        """Milliseconds until the whole answer is there, and the answer."""
        started = time.perf_counter()
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.status == 200, (path, answer.status)
        return 1000 * (time.perf_counter() - started), content

    def cpu_ms(self) -> float:
        """Processor time that the process has taken, of all its threads."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(") ")[2].split()
        return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def settle(self) -> None:
        """Wait until what is made ready in the background is ready."""
        self._connection.close()  # the server ends a line on which nothing is asked; the next request opens another
        while True:
            before = self.cpu_ms()
            time.sleep(1.0)
            if self.cpu_ms() - before < 30:
                return

    def memory_mb(self) -> float:
        """Resident memory."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return float("nan")

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._process.terminate()
        self._process.wait(20)


def pages(out: Path, requests: int) -> bool:
    """Every kind of page, then memory."""
    failed = False
    with Server(str(out)) as server:
        print(f"started in {server.seconds:.2f} s; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
        server.settle()
        listed = {
            modality: json.loads(server.get(f"/questions.json?split=test&modality={modality}")[1])["questions"]
            for modality in ("Table", "Image", "Image%2BTable")
        }
        ids = {name: [str(found["record"]["id"]) for found in of] for name, of in listed.items()}
        text = server.get("/")[1].decode()
        images = re.findall(r"/image/([0-9a-f-]+)", text)
        subjects = re.findall(r"/subject/(\d+)", "".join(server.get(f"/image/{image}")[1].decode() for image in images))
        kinds = {
            "first page": ["/"] * 6,
            "questions": ["/questions", "/questions?modality=Image", "/questions?q=effusion", "/questions?sort=long"]
            * 2,
            "table question": [f"/question/test/{number}" for number in ids["Table"][:25]],
            "image question": [f"/question/test/{number}" for number in ids["Image"][:25]],
            "image+table question": [f"/question/test/{number}" for number in ids["Image%2BTable"][:25]],
            "the same again": [f"/question/test/{number}" for number in ids["Image%2BTable"][:25]],
            "subject": [f"/subject/{subject}" for subject in dict.fromkeys(subjects)],
            "image": [f"/image/{image}" for image in images],
            "thumbnail": [f"/thumbnail/{image}.jpg" for image in images],
            "picture": [f"/picture/{image}.jpg" for image in images],
            "ask": [f"/ask?sql={SQL}"] * 6,
            "runs": ["/runs"] * 4,
            "audit": ["/audit"] * 4,
            "quiz": [f"/quiz/{number}" for number in range(10)],
        }
        print(f"{'page':24}{'first':>10}{'median':>10}{'p95':>10}{'worst':>10}{'cpu':>10}   ms")
        for name, addresses in kinds.items():
            before = server.cpu_ms()
            taken = [server.get(address)[0] for address in addresses]
            cpu = (server.cpu_ms() - before) / len(addresses)
            rest = sorted(taken[1:])
            p95 = rest[int(0.95 * (len(rest) - 1))]
            over = p95 > PAGE_MS
            failed |= over
            print(
                f"{name:24}{taken[0]:10.1f}{statistics.median(rest):10.1f}{p95:10.1f}{rest[-1]:10.1f}"
                f"{cpu:10.1f}{'   OVER BUDGET' if over else ''}"
            )
        every = [address for addresses in kinds.values() for address in addresses]
        before = server.memory_mb()
        for number in range(requests):
            server.get(every[number % len(every)])
        after = server.memory_mb()
        over = after - before > GROWTH_MB
        print(
            f"memory {before:.0f} MB, after {requests:,} more requests {after:.0f} MB{'   OVER BUDGET' if over else ''}"
        )
    return failed or over


def long_list(out: Path, copy: Path, questions: int) -> bool:
    """The list of many questions: those of the demo, many times, each with words of its own."""
    built = out / "ehrxqa" if (out / "ehrxqa").is_dir() else out
    shutil.copytree(built, copy, ignore=shutil.ignore_patterns("labels", "runs", "showcase", ".work", "_*.json"))
    manifest = json.loads((built / "manifest.json").read_text())
    manifest["stages"].pop("questions", None)  # the copy has others
    (copy / "manifest.json").write_text(json.dumps(manifest))
    every = {split: json.loads((built / f"dataset/{split}.json").read_text()) for split in ("train", "valid", "test")}
    total = sum(map(len, every.values()))
    links = [json.loads(line) for line in (built / "dataset/links.jsonl").read_text().splitlines()]
    link_of = {(link["split"], link["id"]): link for link in links}
    with (copy / "dataset/links.jsonl").open("w") as stream:
        for split, records in every.items():
            more = []
            for number in range(round(questions * len(records) / total)):
                record = records[number % len(records)]
                more.append({**record, "id": number, "question": f"{record['question']} (copy {number})"})
                stream.write(json.dumps({**link_of[split, record["id"]], "id": number}) + "\n")
            (copy / f"dataset/{split}.json").write_text(json.dumps(more))
    addresses = (
        "/questions", "/questions?modality=Image&split=test", "/questions?q=pleural+effusion&sort=long",
        "/questions?page=500", "/questions?family=verify&family=choose&sort=studies",
        "/question/test/17?q=chest&sort=short",
    )  # fmt: skip
    failed = False
    with Server(str(copy)) as server:
        print(f"\n{questions:,} questions: started in {server.seconds:.2f} s, {server.memory_mb():.0f} MB")
        server.settle()
        for address in addresses:
            taken = sorted(server.get(address)[0] for _ in range(7))
            over = taken[-1] > LIST_MS
            failed |= over
            print(f"{address:60}{taken[3]:8.1f} ms, worst {taken[-1]:.1f}{'   OVER BUDGET' if over else ''}")
    return failed


if __name__ == "__main__":
    main()
