"""``gammabeta lab``"""

import sys
from pathlib import Path

from gammabeta.cli.progress import teller
from gammabeta.cli.terminal import console, grid, print_json

HERE = Path("lab")
"""Where pictures and numbers go when no folder was given."""


def lab_command(name: str, folder: Path | None, quick: bool, data: Path | None, json: bool, quiet: bool) -> None:
    """List the experiments, or run one: measure, judge, draw, write, print the verdict."""
    from gammabeta.compiling import all_once
    from gammabeta.lab import catalogue, experiment, perform, write
    from gammabeta.lab.drawing import require_matplotlib
    from gammabeta.train import cache_compilations

    out = console(quiet, beside_json=json)
    if name == "list":
        if json:
            print_json({known: {"claim": one.claim, "title": one.title} for known, one in catalogue().items()})
            return
        rows = [(one.claim, known, one.title) for known, one in catalogue().items()]
        out.print(grid("", ("claim", "name", "what it claims"), rows))
        return
    known, chosen = experiment(name)
    require_matplotlib()
    if quick and chosen.compiles_most:
        all_once()
    cache_compilations()
    if not quiet:
        print(f"{chosen.claim} {known}: {chosen.title}", file=sys.stderr)
    outcome = perform(known, chosen, "quick" if quick else "full", data, teller(quiet, "run"))
    outcome = write(outcome, folder or HERE)
    verdict = outcome.verdict
    out.print(f"[bold]{verdict.word}[/bold]: ", end="")
    out.print(verdict.says, markup=False)
    if verdict.numbers:
        numbers = [(each, str(estimate)) for each, estimate in verdict.numbers.items()]
        out.print(grid("", ("number", "estimate (95 % interval)"), numbers))
    out.print(f"picture {outcome.files['svg']}, numbers {outcome.files['csv']}", markup=False)
    if json:
        print_json(outcome.to_json())
