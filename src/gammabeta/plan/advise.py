"""A good first plan for given data."""

from gammabeta.errors import Defect
from gammabeta.nn import Loss, Mlp, SigmoidCrossEntropy, SoftmaxCrossEntropy, SquaredError
from gammabeta.optim import AdamW
from gammabeta.plan.plan import EarlyStopping, Plan

LOSSES: dict[str, Loss] = {
    "binary": SigmoidCrossEntropy(),
    "multiclass": SoftmaxCrossEntropy(),
    "multilabel": SigmoidCrossEntropy(),
    "regression": SquaredError(),
}


def advise(task: str, rows: int, image: bool = False) -> Plan:
    """The plan we would start with: batch-normalized MLP, AdamW, one cycle, sizes by the number of rows.

    task: "binary", "multiclass", "multilabel" or "regression"; rows: of training; image: whether inputs are images
    """
    if task not in LOSSES:
        raise Defect(f"advise: task {task!r}, expected one of {', '.join(LOSSES)}.")
    small = rows < 5_000
    return Plan(
        network=Mlp(hidden=(128, 128) if small else (256, 256, 256), dropout=0.2),
        loss=LOSSES[task],
        optimizer=AdamW(learning_rate=3e-3, weight_decay=0.02),
        epochs=10 if image and not small else epochs_for(rows),
        batch_size=batch_size_for(rows),
        early_stopping=None if image and not small else EarlyStopping(patience=20),
    )


def epochs_for(rows: int) -> int:
    """About 8,000 steps, in 30 to 100 epochs."""
    return max(30, min(100, 8_000 * batch_size_for(rows) // max(rows, 1)))


def batch_size_for(rows: int) -> int:
    """32 rows below 1,000, 64 below 5,000, 128 below 50,000, else 256."""
    for limit, size in ((1_000, 32), (5_000, 64), (50_000, 128)):
        if rows < limit:
            return size
    return 256
