"""What several commands take: their arguments and options, said once."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        help="CSV, TSV, Parquet, Arrow, Feather, NPZ or IDX file, or a folder of images.",
        show_default=False,
    ),
]
ModelPath = Annotated[Path, typer.Argument(metavar="MODEL", help="A run folder or a model file.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", metavar="", help="End with one JSON object on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", metavar="", help="Print nothing but errors (and the JSON).")]
Proba = Annotated[bool, typer.Option("--proba", metavar="", help="Add the probability of every class or label.")]
Target = Annotated[
    list[str] | None,
    typer.Option("--target", metavar="COLUMN", help="What to predict; several times for several targets."),
]
Task = Annotated[str, typer.Option(metavar="TASK", help="auto, binary, multiclass, multilabel or regression.")]
Drop = Annotated[
    list[str] | None,
    typer.Option("--drop", metavar="COLUMN", help="A column the network must not see; may be repeated."),
]
Weight = Annotated[
    str | None,
    typer.Option("--weight", metavar="COLUMN", help="Numbers of 0 or more: how much each row counts; no input."),
]
Kind = Annotated[
    list[str] | None,
    typer.Option("--kind", metavar="COLUMN=KIND", help="number, boolean, category or date; may be repeated."),
]

Valid = Annotated[
    str | None, typer.Option(metavar="SHARE_OR_FILE", help="Validation rows: a share such as 0.2, or a file.")
]
Test = Annotated[str | None, typer.Option(metavar="SHARE_OR_FILE", help="Test rows: a share such as 0.2, or a file.")]
PlanFile = Annotated[Path | None, typer.Option(metavar="FILE", help="A plan in JSON or TOML.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change the plan, such as optimizer.learning_rate=0.01."),
]

Epochs = Annotated[int | None, typer.Option(metavar="N", help="Passes over the training rows.")]
BatchSize = Annotated[int | None, typer.Option(metavar="N", help="Rows per step.")]
Seed = Annotated[int | None, typer.Option(metavar="N", help="Of split, initialization, shuffling, noise.")]
TimeLimit = Annotated[str | None, typer.Option(metavar="TIME", help="Stop training after this time: 90s, 5m, 2h.")]
RunFolder = Annotated[
    Path | None, typer.Option("-o", "--out", metavar="RUN_FOLDER", help="Default: a new folder in runs/.")
]
NoReport = Annotated[bool, typer.Option("--no-report", metavar="", help="Write no report.html, which takes a second.")]

LogTo = Annotated[
    list[str] | None,
    typer.Option(
        "--log", metavar="WHERE", help="tensorboard, into RUN_FOLDER/tensorboard, or mlflow; may be repeated."
    ),
]
