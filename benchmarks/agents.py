"""How agents fare: attacks at each door, rewards of three policies, and the time to the first episode.

Runs on the output folder of `ehrxqa demo`; without one, the demo is made first. The doors are those of the tests, with
the same corpus; the policies are chance, the template parser, and the gold query.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path

from ehrxqa.agents.policies import oracle_policy, parser_policy, random_policy
from ehrxqa.environment import Environment, Rewards, make_environment, run_episode
from ehrxqa.models.parsers import Context, make_parser

sys.path[:0] = [str(Path(__file__).parents[1] / "tests"), str(Path(__file__).parents[1] / "tests" / "agents")]


def main() -> None:
    """Print two tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("out", nargs="?", type=Path, help="folder of `ehrxqa demo`")
    arguments.add_argument("--episodes", type=int, default=300)
    arguments.add_argument("--smoke", action="store_true", help="one episode of each policy, no attacks")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        out = given.out or made_demo(Path(scratch))
        policies(out / "ehrxqa", out / "hospital", 1 if given.smoke else given.episodes)
        if not given.smoke:  # they are tests, too
            doors(Path(scratch))


def made_demo(folder: Path) -> Path:
    """The demo, and the time until its first episode has ended."""
    from ehrxqa import demo

    began = time.perf_counter()
    demo(folder / "demo")
    print(f"demo: {time.perf_counter() - began:.1f} s")
    return folder / "demo"


def policies(out: Path, images: Path, episodes: int) -> None:
    """Rewards of policies, on the test split: each question of the file, and new ones."""
    print("| policy | questions | mean reward | right | abstained | wrong | image questions | ms an episode |")
    print("|---|---|---|---|---|---|---|---|")
    for endless in (False, True):
        began = time.perf_counter()
        with make_environment(out, "test", endless=endless, images=images, rewards=Rewards(wrong=-1.0)) as environment:
            run_episode(environment, oracle_policy(environment), 0)
            first = time.perf_counter() - began
            parser = make_parser("template", Context(out, out / "database" / "test" / "mimic_iv_cxr.db"))
            chosen = {
                "random": random_policy(environment.build),
                "template parser": parser_policy(parser),
                "oracle": oracle_policy(environment),
            }
            for name, policy in chosen.items():
                row(environment, name, policy, "new" if endless else "file", episodes)
        print(f"first episode after {first:.2f} s ({'new questions' if endless else 'question file'})", file=sys.stderr)


def row(environment: Environment, name: str, policy: object, questions: str, episodes: int) -> None:
    """One line of the table."""
    began = time.perf_counter()
    done = [run_episode(environment, policy, number) for number in range(episodes)]  # type: ignore[arg-type]
    each = 1000 * (time.perf_counter() - began) / episodes
    verdicts = [info["verdict"] for _, info in done]
    asked = statistics.mean(info["trace"]["spent"]["image_questions"] for _, info in done)
    counts = " | ".join(
        f"{100 * verdicts.count(verdict) / episodes:.0f} %" for verdict in ("right", "abstained", "wrong")
    )
    mean = statistics.mean(reward for reward, _ in done)
    print(f"| {name} | {questions} | {mean:.2f} | {counts} | {asked:.1f} | {each:.1f} |")


def doors(scratch: Path) -> None:
    """Attacks at each door."""
    from agent_build import make_agent_build  # type: ignore[import-not-found]

    import doors as attacks  # type: ignore[import-not-found]

    out = make_agent_build(scratch)
    print("| door | attacks | answered | refused | not as they must be | answer key shown | longest, s |")
    print("|---|---|---|---|---|---|---|")
    kinds = (
        ("queries", attacks.QUERIES, attacks.as_corpus_says),
        ("queries handed in", attacks.SUBMISSIONS, attacks.as_corpus_says),
        ("arguments", attacks.HOSTILE_ARGUMENTS, attacks.as_refused),
    )
    images = out.parent / "images"
    with warnings.catch_warnings(), attacks.short_build(out, images) as build, attacks.unharmed(out):
        warnings.simplefilter("ignore")
        for name, door in attacks.doors_of(build, out).items():
            for kind, calls, fits in kinds:
                with contextlib.redirect_stderr(None):
                    found = attacks.knock(door, calls, fits)
                print(
                    f"| {name}, {kind} | {found.attacks} | {found.answered} | {found.refused} | {len(found.wrong)} | "
                    f"{found.canaries} | {found.longest_seconds:.2f} |"
                )


if __name__ == "__main__":
    main()
