"""What a new network takes from a trained one: by the layer's name, the shape, and the names of inputs and outputs."""

import jax
import numpy as np
import pandas as pd
import pytest
from tests.model.finished import TASKS, model_for, randomized, rows_for, schema_for, table

from gammabeta.data import Schema
from gammabeta.errors import DataError, PlanError
from gammabeta.model import Model, suited
from gammabeta.nn import (
    Activation,
    BatchNorm,
    BinnedRegression,
    Dense,
    Dropout,
    Frozen,
    Mlp,
    Paced,
    Residual,
    Sequential,
    SoftmaxCrossEntropy,
    Whitening,
)
from gammabeta.plan import Plan, advise
from gammabeta.train.step import fresh_state
from gammabeta.transfer import continued, frozen, graft


def outcomes(grafted):
    return {f"{line.name} {line.parameter}": line.outcome for line in grafted.report}


def same(found, wanted):
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("task", TASKS)
def test_the_sources_own_plan_and_schema_give_its_own_function(task):
    model = model_for(task)
    for schema in (model.schema, continued(model.schema, model.schema), None):
        grafted = graft(model, model.plan, schema)
        same((grafted.params, grafted.stats), (model.params, model.stats))
        assert {line.outcome for line in grafted.report} == {"taken"}
        assert all(mask.all() for mask in jax.tree.leaves(grafted.taken))
    again = Model(model.plan, continued(model.schema, model.schema), grafted.params, grafted.stats)
    np.testing.assert_array_equal(again.predict(rows_for(task)), model.predict(rows_for(task)))


def with_network(model, layers, seed=3):
    plan = suited(model.plan.replace(network=Sequential(layers), input_shape=None), model.schema)
    return Model(plan, model.schema, *randomized(plan.layers, model.schema.input_shape, seed))


def beginnings():
    """Networks whose first layers are about single features, and a head that is also the first dense layer."""
    dense = (Dense(4), BatchNorm(), Activation("relu"), Dropout(0.1), Dense(3))
    return {
        "dense": dense,
        "batch norm first": (BatchNorm(), *dense),
        "zca": (Whitening("zca"), *dense),
        "pca": (Whitening("pca"), *dense),
        "batch norm, then one layer": (BatchNorm(), Dense(3), BatchNorm()),
        "wrapped": (Frozen(BatchNorm()), Paced(Dense(4), 0.5), Dense(3)),
    }


def permuted(schema):
    """The same columns, levels and classes in other orders: three columns rotated, levels and classes reversed."""
    *first, last = schema.columns
    columns = tuple(
        column.replace(levels=column.levels[::-1]) if hasattr(column, "levels") else column for column in (last, *first)
    )
    targets = tuple(target.replace(classes=target.classes[::-1]) for target in schema.targets)
    return schema.replace(columns=columns, targets=targets)


@pytest.mark.parametrize("name", beginnings())
def test_permuted_columns_levels_and_classes_give_the_same_function(name):
    model = with_network(model_for("multiclass"), beginnings()[name])
    schema = permuted(model.schema)
    grafted = graft(model, model.plan, schema)
    other = Model(model.plan, schema, grafted.params, grafted.stats)
    assert all(mask.all() for mask in jax.tree.leaves(grafted.taken))
    rows = rows_for("multiclass")
    np.testing.assert_allclose(other.predict_proba(rows), model.predict_proba(rows)[:, ::-1], rtol=2e-5, atol=1e-6)
    assert not np.array_equal(jax.tree.leaves(grafted.params)[-1], jax.tree.leaves(model.params)[-1])


def other_table():
    """Without color, with two columns of its own, in another order, on another scale; two of three classes are new."""
    random = np.random.default_rng(9)
    old = table()
    return pd.DataFrame(
        {
            "height": random.normal(3, 4, len(old)),
            "opened": old["opened"],
            "kept": random.choice(["yes", "no"], len(old)),
            "size": 10 * old["size"] + 7,
            "sort": np.where(np.arange(len(old)) % 4 == 3, "huge", np.where(old["size"] > 1, "middle", "tiny")),
        }
    )


def test_other_columns_and_classes_go_by_name_and_what_is_new_is_fresh():
    model = model_for("multiclass")
    schema = continued(Schema.fit(other_table(), "sort"), model.schema)
    plan = suited(advise("multiclass", 40).replace(network=Mlp(hidden=(6, 5)), seed=5), schema)
    grafted = graft(model, plan, schema)
    fresh = jax.device_get(fresh_state(plan, schema.input_shape))
    before, after = model.schema.feature_names, schema.feature_names
    weight, own, begun = (params[0]["weight"] for params in (grafted.params, model.params, fresh.params))
    shared = [name for name in after if name in before]
    assert len(shared) == 7
    for row, name in enumerate(after):
        wanted = own[before.index(name)] if name in before else begun[row]
        np.testing.assert_array_equal(weight[row], wanted)
        assert grafted.taken.params[0]["weight"][row].all() == (name in before)
    head, old_head = len(plan.layers.layers) - 1, len(model.plan.layers.layers) - 1
    assert schema.targets[0].classes == ("huge", "middle", "tiny")
    assert model.schema.targets[0].classes == ("large", "middle", "small")
    # the source has dropouts between, so positions differ and the head has another name
    assert head != old_head
    assert outcomes(grafted)["0.dense weight"] == "in part: 7 of 9 columns by name"
    assert outcomes(grafted)["6.dense weight"] == "fresh: not in the source"
    assert outcomes(grafted)["8.dense weight"] == "left behind"
    same_places = suited(plan.replace(network=Mlp(hidden=(6, 5), dropout=0.1), input_shape=None), schema)
    grafted = graft(model, same_places, schema)
    fresh = jax.device_get(fresh_state(same_places, schema.input_shape))
    for key in ("weight", "bias"):
        found = np.moveaxis(grafted.params[8][key], -1, 0)
        np.testing.assert_array_equal(found[1], np.moveaxis(model.params[8][key], -1, 0)[1])
        np.testing.assert_array_equal(found[[0, 2]], np.moveaxis(fresh.params[8][key], -1, 0)[[0, 2]])
    assert outcomes(grafted)["8.dense weight"] == "in part: 1 of 3 classes by name"
    np.testing.assert_array_equal(grafted.params[4]["weight"], model.params[4]["weight"])
    np.testing.assert_array_equal(grafted.stats[5].mean, model.stats[5].mean)


def test_a_normalization_before_the_first_dense_layer_goes_by_feature():
    model = with_network(model_for("multiclass"), beginnings()["batch norm first"])
    schema = continued(Schema.fit(other_table(), "sort"), model.schema)
    grafted = graft(model, model.plan.replace(input_shape=None), schema)
    before, after = model.schema.feature_names, schema.feature_names
    row, old_row = after.index("size"), before.index("size")
    for found, own in (
        (grafted.params[0]["gamma"], model.params[0]["gamma"]),
        (grafted.stats[0].var, model.stats[0].var),
    ):
        assert found[row] == own[old_row]
        assert found[after.index("height")] == 1
    assert grafted.stats[0].weight == model.stats[0].weight
    assert outcomes(grafted)["0.batch_norm mean"] == "in part: 7 of 9 columns by name"


@pytest.mark.parametrize("name", ["zca", "pca"])
def test_whitening_of_other_columns_is_learned_anew_and_so_is_what_stands_on_components(name):
    model = with_network(model_for("multiclass"), beginnings()[name])
    schema = continued(Schema.fit(other_table(), "sort"), model.schema)
    found = outcomes(graft(model, model.plan.replace(input_shape=None), schema))
    assert found["0.whitening matrix"] == "fresh: the columns it mixes are others"
    weight = {"zca": "in part: 7 of 9 columns by name", "pca": "fresh: the columns it mixes are others"}
    assert found["1.dense weight"] == weight[name]
    assert found["2.batch_norm mean"] == "taken"


def test_a_residual_connection_at_the_beginning_cannot_be_told_apart():
    block = Residual(Sequential((Dense(9),)), Sequential((Dense(9),)))
    model = with_network(model_for("multiclass"), (block, Dense(4), Dense(3)))
    found = outcomes(graft(model, model.plan, permuted(model.schema)))
    assert found["0.body.0.dense weight"].startswith("fresh")
    assert found["1.dense weight"].startswith("fresh")
    assert found["2.dense weight"] == "taken by name"


def test_outputs_of_another_name_are_never_taken_though_shapes_agree():
    model = model_for("regression")
    schema = Schema.fit(table()[["size", "color", "opened", "weight"]], "weight")
    found = outcomes(graft(model, model.plan, schema))
    assert found["8.dense weight"] == "fresh: no targets in common"
    assert found["4.dense weight"] == "taken"
    # without a schema there is nothing but shape to go by
    assert outcomes(graft(model, model.plan))["8.dense weight"] == "taken"


@pytest.mark.parametrize("changed", [False, True])
def test_bins_are_the_same_only_where_the_loss_knows_the_same_of_them(changed):
    model = model_for("regression")
    ends = tuple(float(end) for end in range(4))
    loss = BinnedRegression(bins=3, boundaries=(ends,), centers=((0.5, 1.5, 2.5),))
    plan = suited(model.plan.replace(network=Mlp(hidden=(6,)), loss=loss, input_shape=None), model.schema)
    source = Model(plan, model.schema, *randomized(plan.layers, model.schema.input_shape))
    other = plan.replace(loss=loss.replace(boundaries=((-1.0, *ends[1:]),))) if changed else plan
    outcome = outcomes(graft(source, other, model.schema))["3.dense weight"]
    assert outcome == ("fresh: no targets in common" if changed else "taken")


def test_wrappers_change_no_name():
    model = model_for("binary")
    wrapped = frozen(model.plan)
    grafted = graft(model, wrapped, model.schema)
    same(grafted.params, model.params)
    back = graft(Model(wrapped, model.schema, model.params, model.stats), model.plan, model.schema)
    same(back.params, model.params)


def test_scaling_goes_on_where_both_know_a_column_or_a_target():
    old, new = (
        schema_for("regression of several"),
        Schema.fit(other_table().assign(price=table()["price"] * 3), "price"),
    )
    made = continued(new, old)
    known = {column.name: column for column in old.columns}
    for column in made.columns:
        if column.name == "size":
            assert (column.center, column.scale, column.clip) == (known["size"].center, known["size"].scale, 3.0)
        elif column.name == "opened":
            assert (column.mean, column.scale) == (known["opened"].mean, known["opened"].scale)
        else:
            assert column in new.columns
    assert (made.targets[0].mean, made.targets[0].std) == (old.targets[0].mean, old.targets[0].std)
    assert made.targets[0].mean != new.targets[0].mean
    assert [column.name for column in made.columns] == [column.name for column in new.columns]


def test_what_has_nothing_in_common_is_refused():
    with pytest.raises(DataError, match="found images, expected a table"):
        continued(schema_for("images"), schema_for("binary"))
    with pytest.raises(DataError, match="no column is one that the model knows, found height, sort, expected"):
        continued(Schema.fit(other_table()[["height", "kept", "sort"]], "kept"), schema_for("binary"))
    model = model_for("binary")
    with pytest.raises(PlanError, match="has no input_shape"):
        graft(model, model.plan.replace(input_shape=None))
    with pytest.raises(PlanError, match=r"call plan\.expanded"):
        graft(model, Plan(network=Mlp(), loss=SoftmaxCrossEntropy()))
