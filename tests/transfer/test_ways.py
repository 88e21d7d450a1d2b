"""Ways to train what was taken: frozen by name, unfrozen from the top, slower toward the input."""

import jax
import pytest
from tests.model.finished import model_for

from gammabeta.errors import PlanError
from gammabeta.model import summary
from gammabeta.nn import BatchNorm, Convnet, Dense, Frozen, Mlp, Paced, Whitening, bare
from gammabeta.nn.places import places
from gammabeta.plan import Plan, advise
from gammabeta.transfer import discriminative, frozen, groups, transfer_plan, unfrozen_gradually

MLP = advise("multiclass", 40).replace(network=Mlp(hidden=(6, 5), dropout=0.2, whitening="pca")).expanded((4,), 3)
CONVNET = Plan(network=Convnet(channels=(3, 4)), loss=MLP.loss).expanded((8, 8, 1), 5)


def pace(plan, progress=0.0):
    """Name of every layer with parameters -> the factor on its rate."""
    params = jax.eval_shape(lambda: plan.layers.init(jax.random.key(0), plan.input_shape).params)
    factors = plan.layers.pace(params, progress)
    found = {}
    for place in places(plan.layers):
        part = factors
        for index in place.path:
            part = part[index]
        if jax.tree.leaves(part):
            found[place.name] = {float(leaf) for leaf in jax.tree.leaves(part)}
    return found


def test_a_group_is_a_weight_layer_with_what_follows_it_and_a_residual_connection_is_one():
    assert groups(MLP) == [[0, 1, 2, 3, 4], [5, 6, 7, 8], [9]]
    # convolution, norm, relu; block, relu; block, relu, pool; dense
    assert groups(CONVNET) == [[0, 1, 2], [3, 4], [5, 6, 7], [8]]


def test_all_but_the_head_is_frozen_at_the_same_places():
    for plan, head in ((MLP, "9.dense"), (CONVNET, "8.dense")):
        made = frozen(plan)
        assert {name for name, factors in pace(made).items() if factors == {1.0}} == {head}
        assert [line.name for line in summary(made.layers, made.input_shape)] == [
            line.name for line in summary(plan.layers, plan.input_shape)
        ]
        before, after = (
            jax.eval_shape(lambda each=each: each.layers.init(jax.random.key(0), each.input_shape))
            for each in (plan, made)
        )
        assert jax.tree.structure(before) == jax.tree.structure(after)
        trainable = sum(line.trainable for line in summary(made.layers, made.input_shape))
        assert trainable == {MLP: 5 * 3 + 3, CONVNET: 4 * 5 + 5}[plan]


@pytest.mark.parametrize(
    ("which", "still"),
    [
        (["1.dense"], {"1.dense"}),
        ("1", {"1.dense"}),
        (["1", "2.batch_norm"], {"1.dense", "2.batch_norm"}),
    ],
)
def test_layers_are_frozen_by_name_or_place(which, still):
    assert {name for name, factors in pace(frozen(MLP, which)).items() if factors == {0.0}} == still


def test_parts_of_a_residual_connection_are_frozen_by_name():
    found = pace(frozen(CONVNET, ["5.body", "3.body.0.conv2d"]))
    still = {name for name, factors in found.items() if factors == {0.0}}
    assert still == {"3.body.0.conv2d", *(name for name in found if name.startswith("5.body."))}
    assert len(still) == 5


def test_batch_norm_can_be_spared():
    made = frozen(MLP, batch_norm=False)
    assert all(not isinstance(made.layers.layers[index], Frozen) for index in (2, 6))
    assert isinstance(made.layers.layers[2], BatchNorm)
    assert {name for name, factors in pace(made).items() if factors == {0.0}} == {"1.dense", "5.dense"}


@pytest.mark.parametrize(
    ("plan", "which", "words"),
    [
        (MLP, "1.dens", 'there is no layer "1.dens"; did you mean "1.dense"'),
        (MLP, "body", 'there is no layer "body"; legal names: '),
        (MLP, ["1", "2", "5", "6", "9"], "every layer with parameters would be frozen"),
        (advise("binary", 40).replace(network=Mlp()), "all-but-head", "no layers yet"),
    ],
)
def test_a_freeze_that_cannot_be_is_refused(plan, which, words):
    with pytest.raises(PlanError, match=words):
        frozen(plan, which)


def test_rates_fall_toward_the_input():
    found = pace(discriminative(MLP))
    assert found["9.dense"] == {1.0}
    assert found["5.dense"] == found["6.batch_norm"]
    assert found["1.dense"] == found["2.batch_norm"]
    assert [*found["5.dense"], *found["1.dense"]] == pytest.approx([1 / 2.6, 2.6**-2])
    blocks = pace(discriminative(CONVNET, ratio=2))
    assert blocks["5.shortcut.0.conv2d"] == {0.5}
    assert blocks["3.body.4.batch_norm"] == {0.25}
    assert blocks["0.conv2d"] == {0.125}


def test_only_what_learns_is_wrapped():
    kinds = [type(layer) for layer in discriminative(MLP).layers.layers]
    assert [index for index, kind in enumerate(kinds) if kind is Paced] == [1, 2, 5, 6]
    assert isinstance(bare(discriminative(MLP).layers.layers[0]), Whitening)


@pytest.mark.parametrize(
    ("stages", "when"), [(None, [(0, 1), (1 / 3, 2), (2 / 3, 3)]), (2, [(0, 1), (0.49, 1), (0.5, 3)]), (1, [(0, 3)])]
)
def test_groups_begin_one_after_another_from_the_top(stages, when):
    plan = unfrozen_gradually(MLP, stages)
    order = ["9.dense", "5.dense", "1.dense"]
    for progress, count in when:
        found = pace(plan, progress)
        assert [found[name] == {1.0} for name in order] == [index < count for index in range(3)]
        assert all(factors in ({0.0}, {1.0}) for factors in found.values())


@pytest.mark.parametrize(("epochs", "patience"), [(100, 35), (30, 20)])
def test_early_stopping_waits_for_a_stage(epochs, patience):
    assert unfrozen_gradually(MLP.replace(epochs=epochs)).early_stopping.patience == patience
    assert unfrozen_gradually(MLP.replace(early_stopping=None)).early_stopping is None


def test_both_ways_together_keep_one_wrapper_with_both_numbers():
    plan = discriminative(unfrozen_gradually(MLP), ratio=2)
    assert plan.layers.layers[1] == Paced(MLP.layers.layers[1], 0.25, 2 / 3)
    half = discriminative(frozen(MLP, "1"), ratio=2)
    assert half.layers.layers[1] == Frozen(MLP.layers.layers[1])
    assert half.layers.layers[5] == Paced(MLP.layers.layers[5], 0.5)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: discriminative(MLP, 0), "ratio is 0, expected a number above 0"),
        (lambda: unfrozen_gradually(MLP, 4), "stages is 4, expected 1 to 3"),
        (lambda: unfrozen_gradually(MLP, 0), "stages is 0"),
    ],
)
def test_impossible_numbers_are_refused(made, words):
    with pytest.raises(PlanError, match=words):
        made()


def test_the_plan_to_go_on_with_is_the_sources_with_a_head_for_the_new_target():
    source, target = model_for("regression"), model_for("multiclass").schema
    model = type(source)(frozen(source.plan, "0"), source.schema, source.params, source.stats)
    plan = transfer_plan(model, target, rows=700)
    assert plan.layers.layers[:-1] == source.plan.layers.layers[:-1]
    assert plan.layers.layers[-1].replace(initializer=None) == Dense(3, bias=True)
    assert plan.loss == advise("multiclass", 700).loss
    assert plan.optimizer == source.plan.optimizer
    assert (plan.epochs, plan.batch_size) == (advise("multiclass", 700).epochs, 32)


def test_the_plan_to_go_on_with_has_batches_that_its_parts_fit_into():
    source, target = model_for("regression"), model_for("multiclass").schema
    layers = source.plan.layers
    ghostly = layers.replace(
        layers=tuple(layer.replace(ghost_size=64) if isinstance(layer, BatchNorm) else layer for layer in layers.layers)
    )
    for changes, found in (({"network": ghostly}, (64, None)), ({"micro_batch_size": 100}, (32, 32))):
        model = type(source)(source.plan.replace(batch_size=128, **changes), source.schema, source.params, source.stats)
        plan = transfer_plan(model, target, rows=700)
        assert (plan.batch_size, plan.micro_batch_size) == found
