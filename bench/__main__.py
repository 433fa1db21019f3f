"""`python -m bench [--json]`: the figures that the performance budgets speak of, as a table and as one JSON object.

A benchmark is a module of this package with `run() -> dict[str, float]`; add it to `BENCHMARKS`.

The law: it measures and judges nothing; each budget stands beside its figure.
"""

import json
import sys

from bench import documents

BENCHMARKS = (documents.run,)
# name -> (at most, what it is); a floor where the name says how many times faster.
BUDGETS = {
    "mint_over_rsa_sign": "<= 1.35",
    "verify_over_floor": "<= 2.5",
    "verify_with_second_opinion_over_floor": "<= 11",
    "handoff_vs_python3_saml": ">= 8",
}


def main() -> None:
    """Run every benchmark, print its table, and with `--json` one JSON object on the last line."""
    ratios: dict[str, float] = {}
    for run in BENCHMARKS:
        ratios |= run()
    print("ratios")
    for name, value in ratios.items():
        print(f"  {name:40}{value:8.2f}   budget {BUDGETS.get(name, 'none')}")
    if "--json" in sys.argv[1:]:
        print(json.dumps({name: round(value, 3) for name, value in ratios.items()}))


main()
