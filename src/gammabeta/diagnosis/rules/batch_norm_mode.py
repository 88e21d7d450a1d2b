"""GB504: batch norm normalizes by the wrong statistics while training."""

from collections.abc import Iterator

from gammabeta.diagnosis.case import Case
from gammabeta.diagnosis.finding import Page
from gammabeta.diagnosis.suspicion import Suspicion
from gammabeta.diagnosis.treatments import batch_norm_as_usual
from gammabeta.nn.memories import memories

PAGE = Page(
    code="GB504",
    name="batch norm in the wrong mode",
    what="Batch norm normalizes by its memory while training, or its memory is never updated, outside of transfer.",
    why="Before anything was seen the memory is mean 0 and variance 1: normalizing by it does nothing, and the "
    "network is one without batch norm. A memory that is never updated predicts with statistics of nothing.",
    evidence="normalizes_by = memory or update = false in a run that starts from fresh weights; the weight of the "
    "memory. Proved by runs with the default switches.",
    do="Leave the three switches at their defaults; they are for fine-tuning a trained network.",
    ignore="When a trained network is fine-tuned.",
    sources="techniques N9; torch's eval() by mistake.",
)


def rule(case: Case) -> Iterator[Suspicion]:
    wrong = [norm for norm in case.norms if norm.normalizes_by == "memory" or not norm.update]
    frozen = [norm for norm in wrong if not norm.train]
    if not wrong or len(frozen) == len(wrong):
        return
    if case.began is not None or holds_what_it_never_saw(case):
        return
    stats = case.stats if case.trained else case.start.stats
    empty = sum(float(memory.weight) == 0 for memory in memories(stats))
    yield Suspicion(
        code=PAGE.code,
        place="batch_norm",
        evidence=f"{len(wrong)} of {len(case.norms)} batch norms normalize by their memory or never update it while "
        f"training; {empty} memories hold nothing",
        numbers={"layers": float(len(wrong)), "empty_memories": float(empty)},
        certainty=0.95,
        treatments=(batch_norm_as_usual(),),
        advice="leave normalizes_by and update at their defaults",
    )


def holds_what_it_never_saw(case: Case) -> bool:
    """Whether the finished network has a memory that is never updated and holds something: another run's."""
    pairs = zip(case.norms, memories(case.stats) if case.trained else (), strict=False)
    return any(not norm.update and float(memory.weight) > 0 for norm, memory in pairs)
