"""`python -m ehrxqa`: the same as the `ehrxqa` command."""

from ehrxqa.cli.main import run

if __name__ == "__main__":
    run()
