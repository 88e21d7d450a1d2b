"""What can be typed. Each command imports what it needs when it runs, so that ``--help`` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from gammabeta.cli.help import App, Group
from gammabeta.cli.options import (
    BatchSize,
    Data,
    Drop,
    Epochs,
    Json,
    Kind,
    LogTo,
    ModelPath,
    NoReport,
    PlanFile,
    Proba,
    Quiet,
    RunFolder,
    Seed,
    Set,
    Target,
    Task,
    Test,
    TimeLimit,
    Valid,
    Weight,
)

app = App(
    cls=Group,
    help="Train deep networks the way the recipe says, normalized right.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", metavar="", help="Show the version and exit.")] = False,
) -> None:
    if show:
        from gammabeta import __version__

        typer.echo(f"gammabeta {__version__}")
        raise typer.Exit


def settings_of(typed: list[str] | None, **named: int | None) -> tuple[str, ...]:
    """What was typed with --set, and after it the options that are short for some of it."""
    return (*(typed or ()), *(f"{name}={value}" for name, value in named.items() if value is not None))


@app.command()
def fit(
    data: Data,
    target: Target = None,
    task: Task = "auto",
    valid: Valid = None,
    test: Test = None,
    drop: Drop = None,
    weight: Weight = None,
    kind: Kind = None,
    plan: PlanFile = None,
    set_: Set = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    seed: Seed = None,
    time_limit: TimeLimit = None,
    out: RunFolder = None,
    no_report: NoReport = False,
    log: LogTo = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a network on a table or images, and test it."""
    from gammabeta.cli.fit import FitOptions, fit_command

    fit_command(
        FitOptions(
            data=data,
            target=tuple(target or ()),
            task=task,
            valid=valid,
            test=test,
            drop=tuple(drop or ()),
            weight=weight,
            kinds=tuple(kind or ()),
            plan=plan,
            settings=settings_of(set_, epochs=epochs, batch_size=batch_size, seed=seed),
            time_limit=time_limit,
            out=out,
            json=json,
            quiet=quiet,
            report=not no_report,
            log=tuple(log or ()),
        )
    )


@app.command()
def tune(
    data: Data,
    target: Target = None,
    task: Task = "auto",
    valid: Valid = None,
    test: Test = None,
    drop: Drop = None,
    weight: Weight = None,
    kind: Kind = None,
    plan: PlanFile = None,
    set_: Set = None,
    epochs: Epochs = None,
    seed: Seed = None,
    trials: Annotated[int, typer.Option(metavar="N", help="How many plans; the first is the one fit would take.")] = 30,
    time_limit: Annotated[
        str | None, typer.Option(metavar="TIME", help="For all of it: 90s, 5m, 2h; the best so far wins.")
    ] = None,
    space: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Ranges in TOML or JSON, instead of the ready ones.")
    ] = None,
    storage: Annotated[
        str | None, typer.Option(metavar="URL", help="A database for several processes; default: a file in the run.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Trials at once; default: one per core, 8 on an accelerator.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", metavar="", help="Go on with the search in -o.")] = False,
    out: RunFolder = None,
    no_report: NoReport = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search for a better plan, repeat the best on fresh seeds, train the winner."""
    from gammabeta.cli.tune import TuneOptions, tune_command

    tune_command(
        TuneOptions(
            data=data,
            target=tuple(target or ()),
            task=task,
            valid=valid,
            test=test,
            drop=tuple(drop or ()),
            weight=weight,
            kinds=tuple(kind or ()),
            plan=plan,
            settings=settings_of(set_, epochs=epochs, seed=seed),
            time_limit=time_limit,
            out=out,
            json=json,
            quiet=quiet,
            report=not no_report,
            trials=trials,
            space=space,
            storage=storage,
            workers=workers,
            resume=resume,
        )
    )


@app.command()
def recipe(
    data: Data,
    target: Target = None,
    task: Task = "auto",
    valid: Valid = None,
    test: Test = None,
    drop: Drop = None,
    weight: Weight = None,
    kind: Kind = None,
    plan: PlanFile = None,
    set_: Set = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    seed: Seed = None,
    until: Annotated[
        str, typer.Option(metavar="STEP", help="The last: data, skeleton, overfit, regularize, tune or squeeze.")
    ] = "squeeze",
    time_limit: Annotated[
        str, typer.Option(metavar="TIME", help="For all of it: 90s, 5m, 2h; none for no limit.")
    ] = "10m",
    trials: Annotated[int, typer.Option(metavar="N", help="Of the search, at most.")] = 30,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Runs at once; default: one per core, 8 on an accelerator.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", metavar="", help="Go on with the recipe in -o.")] = False,
    out: RunFolder = None,
    no_report: NoReport = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Follow the recipe: look at the data, beat dumb baselines, overfit, regularize, tune, squeeze."""
    from gammabeta.cli.recipe import RecipeOptions, recipe_command

    recipe_command(
        RecipeOptions(
            data=data,
            target=tuple(target or ()),
            task=task,
            valid=valid,
            test=test,
            drop=tuple(drop or ()),
            weight=weight,
            kinds=tuple(kind or ()),
            plan=plan,
            settings=settings_of(set_, epochs=epochs, batch_size=batch_size, seed=seed),
            time_limit=None if time_limit == "none" else time_limit,
            out=out,
            json=json,
            quiet=quiet,
            report=not no_report,
            until=until,
            resume=resume,
            trials=trials,
            workers=workers,
        )
    )


@app.command("range-test")
def range_test(
    data: Data,
    target: Target = None,
    task: Task = "auto",
    valid: Valid = None,
    test: Test = None,
    drop: Drop = None,
    weight: Weight = None,
    kind: Kind = None,
    plan: PlanFile = None,
    set_: Set = None,
    low: Annotated[float, typer.Option(metavar="RATE", help="The first learning rate.")] = 1e-6,
    high: Annotated[float, typer.Option(metavar="RATE", help="The last one.")] = 10.0,
    steps: Annotated[int, typer.Option(metavar="N", help="Of each sweep, at least 20.")] = 100,
    seeds: Annotated[int, typer.Option(metavar="N", help="Sweeps.")] = 3,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="RUN_FOLDER", help="Keep it for the report of this run; default: nowhere."),
    ] = None,
    json: Json = False,
) -> None:
    """Suggest a learning rate, from short sweeps over growing rates."""
    from gammabeta.cli.range_test import RangeOptions, range_test_command

    range_test_command(
        RangeOptions(
            data=data,
            target=tuple(target or ()),
            task=task,
            valid=valid,
            test=test,
            drop=tuple(drop or ()),
            weight=weight,
            kinds=tuple(kind or ()),
            plan=plan,
            settings=tuple(set_ or ()),
            low=low,
            high=high,
            steps=steps,
            seeds=seeds,
            out=out,
            json=json,
        )
    )


@app.command()
def transfer(
    model: ModelPath,
    data: Data,
    target: Annotated[
        list[str] | None,
        typer.Option("--target", metavar="COLUMN", help="What to predict; default: what the model predicts."),
    ] = None,
    freeze: Annotated[
        str | None,
        typer.Option(metavar="LAYERS", help="all-but-head, or names as in summary, such as 0,3.body; they stay still."),
    ] = None,
    unfreeze: Annotated[
        str | None,
        typer.Option(metavar="HOW", help="gradual: the head learns first, then group after group."),
    ] = None,
    layer_rates: Annotated[
        str | None,
        typer.Option(metavar="HOW", help="discriminative: each group at 1/2.6 of the rate above it."),
    ] = None,
    batch_norm: Annotated[
        str,
        typer.Option(
            metavar="HOW", help="re-estimate its statistics on the new rows, keep the source's, or train as usual."
        ),
    ] = "re-estimate",
    task: Task = "auto",
    valid: Valid = None,
    test: Test = None,
    drop: Drop = None,
    weight: Weight = None,
    kind: Kind = None,
    set_: Set = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    seed: Seed = None,
    time_limit: TimeLimit = None,
    out: RunFolder = None,
    no_report: NoReport = False,
    log: LogTo = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Go on from a trained model with other rows: other classes, other columns, a new head."""
    from gammabeta.cli.transfer import TransferOptions, transfer_command

    transfer_command(
        TransferOptions(
            model=model,
            freeze=freeze,
            unfreeze=unfreeze,
            layer_rates=layer_rates,
            batch_norm=batch_norm,
            data=data,
            target=tuple(target or ()),
            task=task,
            valid=valid,
            test=test,
            drop=tuple(drop or ()),
            weight=weight,
            kinds=tuple(kind or ()),
            plan=None,
            settings=settings_of(set_, epochs=epochs, batch_size=batch_size, seed=seed),
            time_limit=time_limit,
            out=out,
            json=json,
            quiet=quiet,
            report=not no_report,
            log=tuple(log or ()),
        )
    )


@app.command()
def predict(
    model: ModelPath,
    data: Data,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="OUT.csv or OUT.parquet; default: CSV on standard output."),
    ] = None,
    proba: Proba = False,
    interval: Annotated[
        float | None,
        typer.Option(metavar="CHANCE", help="Add the ends between which a number lies with this chance, such as 0.8."),
    ] = None,
) -> None:
    """Answer for every row of new data."""
    from gammabeta.cli.predict import predict_command

    predict_command(model, data, out, proba, interval)


@app.command()
def evaluate(
    model: ModelPath,
    data: Data,
    weight: Annotated[
        str | None,
        typer.Option("--weight", metavar="COLUMN", help="How much each row counts; default: as the model was fitted."),
    ] = None,
    json: Json = False,
) -> None:
    """Measure a model on rows with known answers."""
    from gammabeta.cli.evaluate import evaluate_command

    evaluate_command(model, data, weight, json)


@app.command()
def summary(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL_OR_PLAN", help="A run folder, model file or plan.json.", show_default=False)
    ],
    json: Json = False,
) -> None:
    """Show layers, shapes and parameters, trainable and not."""
    from gammabeta.cli.summary import summary_command

    summary_command(model, json)


@app.command()
def inspect(
    data: Data,
    target: Target = None,
    task: Task = "auto",
    drop: Drop = None,
    weight: Weight = None,
    kind: Kind = None,
    json: Json = False,
) -> None:
    """Show columns, kinds, missing values, the target's balance, and what would be set aside and why."""
    from gammabeta.cli.inspect import inspect_command

    inspect_command(data, tuple(target or ()), task, tuple(drop or ()), weight, tuple(kind or ()), json)


@app.command()
def lab(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="An experiment, the number of its claim, or list.", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FOLDER", help="For picture and numbers; default: lab.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", metavar="", help="Fewer and shorter runs: 20 seconds.")] = False,
    data: Annotated[
        Path | None,
        typer.Option(metavar="IMAGES", help="Labeled images, such as MNIST's folder; default: scikit-learn's digits."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run a claim of the field as an experiment: a verdict with numbers, and a picture."""
    from gammabeta.cli.lab import lab_command

    lab_command(name, out, quick, data, json, quiet)


@app.command()
def diagnose(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, as fit writes it.", show_default=False)],
    data: Annotated[
        Path | None, typer.Option(metavar="FILE", help="New rows: how they differ from those that were trained on.")
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", metavar="", help="Longer forks; curvature, noise, slices of the loss.")
    ] = False,
    fix: Annotated[
        bool, typer.Option("--fix", metavar="", help="Retrain with the first fix; keep it where it proves better.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="NEW_RUN", help="For the mended run; default: RUN-fixed.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say why a network does not train, with evidence and a tried fix."""
    from gammabeta.cli.diagnose import DiagnoseOptions, diagnose_command

    diagnose_command(DiagnoseOptions(run=run, data=data, deep=deep, fix=fix, out=out, json=json, quiet=quiet))


@app.command()
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, as fit writes it.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="Default: report.html in the run folder.")
    ] = None,
) -> None:
    """Draw the report of a run again: one HTML file with curves, findings, answers, layers, data and plan."""
    from gammabeta.cli.report import report_command

    report_command(run, out)


@app.command()
def watch(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN", help="Run folders, or a folder that holds some.", show_default=False),
    ],
    port: Annotated[int, typer.Option(metavar="N", help="Of this machine; 0 takes any that is free.")] = 8080,
    browser: Annotated[bool, typer.Option("--open", metavar="", help="Open the page in the browser.")] = False,
) -> None:
    """Show the report of a run while it trains, as a page that grows; of several, side by side."""
    from gammabeta.cli.watch import watch_command

    watch_command(runs, port, browser)


@app.command()
def explain(
    code: Annotated[str, typer.Argument(metavar="CODE", help="Such as GB301, or list.", show_default=False)],
    json: Json = False,
) -> None:
    """Show the page of a finding's code: what, why, evidence, what to do, when to ignore it."""
    from gammabeta.cli.explain import explain_command

    explain_command(code, json)
