"""What is said of rows that were not trained on: in the right words, of what moved, and of nothing that did not."""

from dataclasses import replace

import jax
import numpy as np
import pyarrow as pa
import pytest

from gammabeta.data import Dataset, Schema
from gammabeta.diagnosis import Case, registry
from gammabeta.diagnosis.remembered import moved_columns
from gammabeta.diagnosis.rows import goodness, goodness_name
from gammabeta.model import raw_where_normalized
from gammabeta.nn import BatchNorm, Dense, Flatten, Sequential, SigmoidCrossEntropy
from gammabeta.nn.augmentation import RandomRotation
from gammabeta.plan import Plan
from gammabeta.train.fit import met

LABELS = 3
PLAN = Plan(network=Sequential((Dense(LABELS),)), loss=SigmoidCrossEntropy(), epochs=3, batch_size=32)
PARAMS = ({"weight": 20 * np.eye(5, LABELS, dtype=np.float32), "bias": np.zeros(LABELS, np.float32)},)


def labelled(rows, seed, wrong=0.0):
    """Five columns, three of them a label each; a share of the labels is wrong."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 5)).astype(np.float32)
    y = (x[:, :LABELS] > 0) ^ (random.random((rows, LABELS)) < wrong)
    return Dataset(x, y.astype(np.float32))


def joined(*parts):
    return Dataset(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("x", "y")))


def several(train, valid, test=None):
    """A finished network that knows the labels."""
    return Case.of(PLAN, train, valid, params=PARAMS, stats=((),), test=test)


def said(code, case):
    (suspicion,) = registry()[code].rule(case)
    assert "hamming_loss" not in suspicion.evidence + suspicion.costs
    assert "share of right labels" in suspicion.evidence
    return suspicion


def test_the_share_of_right_labels_is_called_so_and_not_the_loss_that_is_its_rest():
    case = several(labelled(300, 0), labelled(150, 1, 0.1))
    assert case.metric == "hamming_loss"
    assert np.mean(goodness(case, case.valid)) == pytest.approx(1 - case.valid_score, abs=1e-6)
    assert goodness_name(case) == "share of right labels"


def test_duplicates_of_several_labels_promise_a_share_of_right_ones():
    known = labelled(50, 1)
    found = said("GB104", several(joined(labelled(300, 0), known), joined(known, labelled(150, 2, 0.4))))
    assert found.severity == "error"
    assert "share of right labels promises 0." in found.costs


def test_validation_rows_of_several_labels_above_training_rows_have_a_higher_share_of_right_ones():
    found = said("GB604", several(labelled(300, 0, 0.4), labelled(150, 1)))
    assert "the share of right labels is 1.000 on validation rows" in found.evidence
    assert found.numbers["ahead"] > 0.1


def test_shifted_rows_of_several_labels_have_a_lower_share_of_right_ones():
    test = labelled(200, 2, 0.3)
    x = test.x.copy()
    x[:, 3] = 2 + np.random.default_rng(3).gamma(1.0, 1.0, 200)
    found = said("GB109", several(labelled(300, 0), labelled(150, 1), replace(test, x=x)))
    assert found.severity == "error"
    assert "the share of right labels is lower on them by 0." in found.evidence
    assert "of share of right labels" in found.costs


def test_rows_of_several_labels_that_were_prepared_differently_gain_a_share_of_right_ones():
    test = labelled(200, 2)
    found = said("GB110", several(labelled(300, 0), labelled(150, 1), replace(test, x=(3 * test.x + 2))))
    assert found.severity == "error"
    assert "share of right labels there is +0." in found.evidence
    assert "of share of right labels" in found.costs


def test_augmented_images_of_several_labels_have_a_lower_share_of_right_ones():
    random = np.random.default_rng(3)
    y = (random.random((90, 2)) < 0.5).astype(np.float32)
    x = random.normal(60, 5, (90, 6, 6, 1))
    x[:, :3, :3] += 90 * y[:, :1, None, None]
    x[:, 3:, :3] += 90 * y[:, 1:, None, None]
    data = Dataset(x.astype(np.float32), y, offset=np.float32([105]), factor=np.float32([1 / 45]))
    plan = Plan(network=Sequential((Flatten(), Dense(2))), loss=SigmoidCrossEntropy())
    corner = np.zeros((6, 6, 2), np.float32)
    corner[:3, :3, 0] = corner[3:, :3, 1] = 1
    params = ((), {"weight": corner.reshape(36, 2), "bias": np.zeros(2, np.float32)})
    plan = met(plan.replace(augmentation=(RandomRotation(180.0),)), data)
    found = said("GB308", Case(plan, data, data, (), params, ((), ())))
    assert found.numbers["plain"] > 0.95
    assert f"the share of right labels is {found.numbers['plain']:.3f}" in found.evidence


def normed():
    """A batch norm of memory 0 and 1 in front of a layer that knows the labels."""
    plan = Plan(network=Sequential((BatchNorm(), Dense(LABELS))), loss=SigmoidCrossEntropy())
    plan = met(plan, labelled(60, 0))
    made = plan.layers.init(jax.random.key(0), (5,))
    (memory, *rest) = made.stats
    return plan, (made.params[0], *PARAMS), (memory._replace(weight=np.float32(1)), *rest)


def test_shifted_statistics_of_several_labels_lower_the_share_of_right_ones():
    plan, params, stats = normed()
    test = labelled(200, 2, 0.3)
    case = Case(
        plan,
        labelled(300, 0),
        labelled(150, 1),
        params=params,
        stats=stats,
        test=replace(test, x=test.x + np.float32(2)),
    )
    assert "the share of right labels is lower there by 0." in said("GB507", case).evidence


def test_new_rows_that_alone_are_known_are_not_compared_with_themselves_where_rows_weigh():
    plan, params, stats = normed()
    rows = labelled(200, 2)
    rows = replace(rows, x=rows.x + np.float32([0, 0, 0, 2, 2]), weights=np.linspace(0.5, 3, 200, dtype=np.float32))
    (found,) = registry()["GB507"].rule(Case(plan, rows, params=params, stats=stats, test=rows))
    assert found.severity == "warning"
    assert "lower there" not in found.evidence


def columns(seed, rows=400, share=0.1, step=0.0):
    """A column that is mostly 0, one that is missing in 4 of 10 rows, and one of ordinary numbers."""
    random = np.random.default_rng(seed)
    rare = np.where(random.random(rows) < share, random.gamma(3.0, 1.0, rows) + step, step)
    holed = [None if random.random() < 0.4 else float(value) for value in random.normal(5, 2, rows)]
    plain = random.normal(-3, 0.5, rows)
    return pa.table({"rare": rare, "holed": holed, "plain": plain, "yes": (plain > -3).tolist()})


@pytest.fixture(scope="module")
def schema():
    return Schema.fit(columns(0), "yes")


def remembered_of(schema, table):
    rows = schema.encode(table, target=False)
    return list(moved_columns(Case(PLAN, rows, test=rows, schema=schema)))


def test_a_column_that_was_scaled_by_its_standard_deviation_has_not_moved_by_itself(schema):
    rare = next(column for column in schema.columns if column.name == "rare")
    assert np.std(columns(0)["rare"]) == pytest.approx(rare.scale)
    assert remembered_of(schema, columns(1)) == []
    assert remembered_of(schema, columns(2, share=0.0)) == []


def test_a_column_that_moved_is_told_with_the_spread_only_where_it_can_be_compared(schema):
    (found,) = remembered_of(schema, columns(1, step=4.0))
    assert found.place == "rare"
    assert "spread x" not in found.evidence
    table = columns(1)
    wide = table.set_column(2, "plain", pa.array(4 * (table["plain"].to_numpy() + 3) - 3))
    (found,) = remembered_of(schema, wide)
    assert found.place == "plain"
    assert "spread x" in found.evidence


def test_numbers_that_keep_their_unit_in_front_of_batch_norm_are_left_to_it(schema):
    plan = met(Plan(network=Sequential((BatchNorm(), Dense(1))), loss=SigmoidCrossEntropy()), schema.encode(columns(0)))
    raw = raw_where_normalized(schema, plan)
    assert {column.name for column in raw.columns} == {"rare", "holed", "plain"}
    far = columns(1)
    far = far.set_column(2, "plain", pa.array(far["plain"].to_numpy() + 40))
    assert remembered_of(raw, far) == []
    assert remembered_of(schema, far) != []
    (found,) = remembered_of(raw, far.set_column(1, "holed", pa.nulls(far.num_rows, pa.float64())))
    assert "holed (no value is there)" in found.evidence


def test_a_column_of_which_no_value_is_there_is_told_and_one_of_few_values_is_not_compared(schema):
    table = columns(1)
    empty = table.set_column(1, "holed", pa.nulls(table.num_rows, pa.float64()))
    (found,) = remembered_of(schema, empty)
    assert "holed (no value is there)" in found.evidence
    few = table["holed"].to_pylist()[:20] + [None] * (table.num_rows - 20)
    assert remembered_of(schema, table.set_column(1, "holed", pa.array(few, pa.float64()))) == []
