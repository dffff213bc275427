"""Run every benchmark and print its lines."""

from __future__ import annotations

from benchmarks import building, commands, loading, resolving


def main() -> None:
    """Print what every benchmark finds, as it finds it."""
    for benchmark in (commands, resolving, building, loading):
        print(f"\n{(benchmark.__doc__ or '').splitlines()[0]}", flush=True)
        for line in benchmark.lines():
            print(f"  {line}", flush=True)


if __name__ == "__main__":
    main()
