"""Convolution and pooling against torch and NumPy, and the small residual convnet."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gammabeta.compiling import ONCE
from gammabeta.data.dataset import Dataset
from gammabeta.errors import PlanError
from gammabeta.model import summary
from gammabeta.nn import (
    PREDICTING,
    Activation,
    AveragePool,
    BatchNorm,
    Call,
    Conv2D,
    Convnet,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    GlobalAveragePool,
    HeNormal,
    LayerNorm,
    MaxPool,
    Residual,
    Sequential,
    SoftmaxCrossEntropy,
    XavierNormal,
)
from gammabeta.nn import conv as conv_module
from gammabeta.optim import AdamW
from gammabeta.plan import Plan
from gammabeta.serial import dumps, from_json, to_json
from gammabeta.train import fit

ROWS = 3
WINDOWS = {
    # name: (height, width, channels), size, stride
    "three by three": ((5, 5, 2), 3, 1),
    "one by one": ((4, 3, 3), 1, 1),
    "one by one, strided": ((5, 4, 2), 1, 2),
    "even size": ((6, 5, 2), 2, 1),
    "even size, strided": ((7, 6, 1), 4, 2),
    "unequal axes": ((7, 5, 2), (3, 2), (2, 1)),
    "stride beyond the size": ((8, 7, 2), 2, 3),
    "the whole image": ((3, 4, 2), (3, 4), 1),
}
windows = pytest.mark.parametrize("name", WINDOWS)
paddings = pytest.mark.parametrize("padding", ["same", "valid"])


def images(shape, rows=ROWS, seed=0):
    """N(3, 4^2), float64."""
    return 3 + 4 * np.random.default_rng(seed).standard_normal((rows, *shape))


def zeros_around(shape, size, stride):
    """Keras's rule, written out by itself: [(top, bottom), (left, right)] of "same"."""
    pairs = []
    for axis in range(2):
        k, s = (v[axis] if isinstance(v, tuple) else v for v in (size, stride))
        left_over = shape[axis] % s
        zeros = max(k - (left_over or s), 0)
        pairs.append((zeros // 2, zeros - zeros // 2))
    return pairs


# ---- convolution


@pytest.mark.parametrize("backend", ["cpu", "other"])
@paddings
@windows
def test_convolution_and_its_gradient_equal_torch_in_float64(name, padding, backend, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(conv_module.jax, "default_backend", lambda: backend)
    shape, size, stride = WINDOWS[name]
    layer = Conv2D(4, size, stride, padding)
    random = np.random.default_rng(1)
    with jax.enable_x64(True):
        x = jnp.asarray(images(shape))
        params, _, after = layer.init(jax.random.key(0), shape)
        params = {name: jnp.asarray(random.standard_normal(value.shape)) for name, value in params.items()}
        slopes = random.standard_normal((ROWS, *after))

        def objective(params, x):
            y, _ = layer.apply(params, (), x, PREDICTING)
            return jnp.sum(jnp.sin(y) * slopes), y

        slope = jax.jit(jax.grad(objective, argnums=(0, 1), has_aux=True), compiler_options=ONCE)
        (grads, by_x), y = slope(params, x)
    assert y.shape == (ROWS, *after)
    assert y.dtype == np.float64

    image = torch.tensor(np.asarray(x), requires_grad=True)
    weight = torch.tensor(np.asarray(params["weight"]), requires_grad=True)
    bias = torch.tensor(np.asarray(params["bias"]), requires_grad=True)
    first = image.permute(0, 3, 1, 2)
    if padding == "same":
        (top, bottom), (left, right) = zeros_around(shape, size, stride)
        first = torch.nn.functional.pad(first, (left, right, top, bottom))
    wanted = torch.nn.functional.conv2d(first, weight.permute(3, 2, 0, 1), bias, stride).permute(0, 2, 3, 1)
    (torch.sin(wanted) * torch.tensor(slopes)).sum().backward()
    np.testing.assert_allclose(y, wanted.detach().numpy(), rtol=1e-12, atol=1e-11)
    for found, other in ((grads["weight"], weight), (grads["bias"], bias), (by_x, image)):
        np.testing.assert_allclose(found, other.grad.numpy(), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("limit", "most"), [("ROWS_AT_ONCE", 4), ("VALUES_AT_ONCE", 3 * 3 * 2 * 3 * 2 * 2)])
def test_many_rows_are_convolved_in_parts_and_alike(monkeypatch, limit, most):
    layer = Conv2D(3, (3, 2), 2)
    params, stats, _ = layer.init(jax.random.key(0), (5, 4, 2))
    x = jnp.asarray(images((5, 4, 2), rows=11), jnp.float32)

    def objective(x):
        y, _ = layer.apply(params, stats, x, PREDICTING)
        return jnp.sum(y**2), y

    slopes, whole = jax.grad(objective, has_aux=True)(x)
    monkeypatch.setattr(conv_module, limit, most)
    assert "scan" in str(jax.make_jaxpr(lambda x: objective(x)[0])(x))
    slopes_in_parts, parts = jax.grad(objective, has_aux=True)(x)
    np.testing.assert_allclose(parts, whole, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(slopes_in_parts, slopes, rtol=1e-5, atol=1e-4)


def test_one_number_stands_for_both_axes():
    assert Conv2D(4, 5, 2) == Conv2D(4, (5, 5), (2, 2))
    assert MaxPool(3) == MaxPool((3, 3))
    assert MaxPool(3) != MaxPool(3, 3)  # both compute the same
    assert Conv2D(4, (5, 3)) == from_json(json.loads(dumps(Conv2D(4, (5, 3)))))
    assert from_json({"type": "conv2d", "filters": 4, "size": 5}) == Conv2D(4, 5)
    assert from_json({"type": "average_pool", "stride": [1, 2]}) == AveragePool(2, (1, 2))


@pytest.mark.parametrize(
    "layer",
    [
        Conv2D(3),
        Conv2D(3, (2, 5), (1, 2), "valid", bias=False, initializer=HeNormal()),
        Conv2D(3, weight_norm="centered"),
        MaxPool(),
        MaxPool((3, 1), 2, "same"),
        AveragePool(3, padding="same"),
        GlobalAveragePool(),
        Convnet(),
        Convnet(channels=(3, 5), blocks=2, activation="silu", normalization=None, dropout=0.2),
        Convnet(channels=(2, 3)).expand((8, 8, 1), 3),
    ],
)
def test_a_layer_comes_back_from_json_equal(layer):
    back = from_json(json.loads(dumps(layer)))
    assert back == layer
    assert hash(back) == hash(layer)


def test_open_choices_are_filled_in_from_what_follows():
    layers = (
        Conv2D(2),
        BatchNorm(),
        Activation("relu"),
        Conv2D(2),
        BatchNorm(shift=False),
        Activation("tanh"),
        Conv2D(2),
        MaxPool(),
        Activation("relu"),
        Conv2D(2, bias=True),
        BatchNorm(),
    )
    found = [layer for layer in Sequential(layers).layers if isinstance(layer, Conv2D)]
    assert [layer.bias for layer in found] == [False, True, True, True]
    assert [layer.initializer for layer in found] == [HeNormal(), XavierNormal(), HeNormal(), XavierNormal()]


BAD = {
    "a flat input": (lambda: Conv2D(3).init(jax.random.key(0), (7,)), ["conv2d", "(7,)", "channels", "flatten"]),
    "a flat input to pool": (lambda: MaxPool().init(jax.random.key(0), (7,)), ["max_pool", "(7,)"]),
    "a flat input to average": (lambda: AveragePool().init(jax.random.key(0), (7,)), ["average_pool", "(7,)"]),
    "a flat input to the mean": (
        lambda: GlobalAveragePool().init(jax.random.key(0), (7,)),
        ["global_average_pool", "(7,)"],
    ),
    "a window too high": (
        lambda: Conv2D(3, (5, 2), padding="valid").init(jax.random.key(0), (4, 9, 1)),
        ["conv2d", "5 x 2", "4 x 9", "same"],
    ),
    "a window too wide": (
        lambda: AveragePool((1, 4)).init(jax.random.key(0), (4, 3, 1)),
        ["average_pool", "1 x 4", "4 x 3", "same"],
    ),
    "no filters": (lambda: Conv2D(0), ["conv2d.filters", "[1, inf)"]),
    "no size": (lambda: Conv2D(1, 0), ["conv2d.size", "[1, inf)"]),
    "half a stride": (lambda: MaxPool(2, (1, 0.5)), ["max_pool.stride.1", "0.5"]),
    "three sizes": (lambda: AveragePool((1, 2, 3)), ["average_pool.size", "2 entries"]),
    "another padding": (lambda: Conv2D(1, padding="vald"), ["conv2d.padding", "valid"]),
    "a flat input to the convnet": (lambda: Convnet().expand((7,), 3), ["convnet", "(7,)", "mlp"]),
    "no stage": (lambda: Convnet(channels=()), ["convnet.channels"]),
    "an empty stage": (lambda: Convnet(channels=(4, 0)), ["convnet.channels.1", "[1, inf)"]),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_is_refused_clearly(name):
    make, parts = BAD[name]
    with pytest.raises(PlanError) as raised:
        make()
    for part in parts:
        assert part in str(raised.value)


# ---- batch norm of channels


def test_batch_norm_of_a_convolution_is_per_channel_over_rows_and_pixels():
    x = images((4, 3, 2), rows=5).astype(np.float32)
    network = Sequential((Conv2D(3), BatchNorm(scale=False, shift=False, epsilon=1e-3)))
    params, stats, _ = network.init(jax.random.key(0), (4, 3, 2))
    convolved, _ = network.layers[0].apply(params[0], (), x, PREDICTING)
    y, seen = network.apply(params, stats, x, Call(by_batch=True))
    values = np.asarray(convolved, np.float64)
    mean, var = values.mean(axis=(0, 1, 2)), values.var(axis=(0, 1, 2))
    np.testing.assert_allclose(y, (values - mean) / np.sqrt(var + 1e-3), rtol=1e-4, atol=1e-5)
    moments = seen[1].moments
    assert moments.rows == 5 * 4 * 3
    np.testing.assert_allclose(moments.mean, mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(moments.var, var, rtol=1e-4)
    # one row is a batch where it has several pixels
    network.apply(params, stats, x[:1], Call(by_batch=True))
    with pytest.raises(PlanError, match="single value"):
        network.apply(params, stats, x[:1, :1, :1], Call(by_batch=True))


# ---- pooling


def by_hand(x, size, stride, padding, take):
    """Pooling in plain loops."""
    size, stride = ((v, v) if isinstance(v, int) else v for v in (size, stride))
    rows, height, width, channels = x.shape
    tops, lefts = 0, 0
    if padding == "same":
        (tops, _), (lefts, _) = zeros_around(x.shape[1:], size, stride)
        down, right = -(-height // stride[0]), -(-width // stride[1])
    else:
        down, right = (height - size[0]) // stride[0] + 1, (width - size[1]) // stride[1] + 1
    y = np.empty((rows, down, right, channels))
    for i in range(down):
        for j in range(right):
            top, left = i * stride[0] - tops, j * stride[1] - lefts
            under = x[:, max(top, 0) : top + size[0], max(left, 0) : left + size[1]]
            y[:, i, j] = take(under, axis=(1, 2))
    return y


@paddings
@windows
def test_pooling_equals_plain_loops(name, padding):
    shape, size, stride = WINDOWS[name]
    x = images(shape) - 6  # mostly below zero, where a padding of zeros would show
    with jax.enable_x64(True):
        for kind, take in ((MaxPool, np.max), (AveragePool, np.mean)):
            layer = kind(size, stride, padding)
            y, _ = layer.apply((), (), jnp.asarray(x), PREDICTING)
            wanted = by_hand(x, size, stride, padding, take)
            assert layer.init(jax.random.key(0), shape).shape == wanted.shape[1:]
            np.testing.assert_allclose(y, wanted, rtol=1e-12)


def test_without_a_stride_a_window_moves_by_its_size():
    x = images((6, 4, 2))
    y, _ = MaxPool((3, 2)).apply((), (), x, PREDICTING)
    np.testing.assert_allclose(y, by_hand(x, (3, 2), (3, 2), "valid", np.max), rtol=1e-6)


def test_global_average_pool_is_the_mean_over_pixels():
    x = images((4, 5, 3))
    y, _ = GlobalAveragePool().apply((), (), jnp.asarray(x, jnp.float32), PREDICTING)
    np.testing.assert_allclose(y, x.mean(axis=(1, 2)), rtol=1e-5, atol=1e-6)


def test_averages_are_summed_in_float32():
    x = jnp.full((1, 64, 64, 1), 1.0, jnp.bfloat16)
    for layer in (GlobalAveragePool(), AveragePool(64)):
        y, _ = layer.apply((), (), x, PREDICTING)
        assert y.dtype == jnp.bfloat16
        assert float(y.reshape(())) == 1.0


def test_the_gradient_of_a_max_pool_goes_to_the_largest_pixel_and_the_first_of_equals():
    x = jnp.asarray([[1.0, 5.0, 2.0, 2.0], [3.0, 4.0, 2.0, 2.0], [9.0, 9.0, 9.0, 9.0]])[None, :, :, None]
    above = jnp.asarray([7.0, 3.0])[:, None]
    slopes = jax.grad(lambda x: jnp.sum(MaxPool().apply((), (), x, PREDICTING)[0] * above))(x)
    wanted = [[0, 7, 3, 0], [0, 0, 0, 0], [0, 0, 0, 0]]  # the last line of pixels fills no window
    np.testing.assert_array_equal(slopes[0, :, :, 0], wanted)


def test_the_gradients_of_overlapping_pools_equal_torch():
    torch = pytest.importorskip("torch")
    x = images((6, 5, 2))
    kinds = {MaxPool: torch.nn.functional.max_pool2d, AveragePool: torch.nn.functional.avg_pool2d}
    for kind, reference in kinds.items():
        pool = kind((3, 2), 1)
        with jax.enable_x64(True):
            found = jax.grad(lambda x, pool=pool: jnp.sum(jnp.sin(pool.apply((), (), x, PREDICTING)[0])))(
                jnp.asarray(x)
            )
        image = torch.tensor(x, requires_grad=True)
        torch.sin(reference(image.permute(0, 3, 1, 2), (3, 2), 1)).sum().backward()
        np.testing.assert_allclose(found, image.grad.numpy(), rtol=1e-10, atol=1e-12)


# ---- the convnet


def halvings(network):
    """The strides of the blocks that halve."""
    blocks = [layer for layer in network.layers if isinstance(layer, Residual)]
    return [block.body.layers[0].stride for block in blocks if block.body.layers[0].stride != (1, 1)]


@pytest.mark.parametrize(
    ("shape", "strides", "pixels"),
    [
        ((8, 8, 1), [(2, 2)], (4, 4)),
        ((28, 28, 1), [(2, 2)] * 2, (7, 7)),
        ((32, 32, 3), [(2, 2)] * 2, (8, 8)),
        ((5, 4, 3), [], (5, 4)),
        ((3, 30, 1), [(1, 2)] * 2, (3, 8)),
        ((1, 1, 2), [], (1, 1)),
    ],
)
def test_the_convnet_halves_images_as_often_as_they_are_large_enough(shape, strides, pixels):
    network = Convnet().expand(shape, 10)
    assert halvings(network) == strides
    lines = summary(network, shape)
    assert lines[-3].shape == (*pixels, 64)
    assert lines[-1].shape == (10,)
    Plan(network=network, loss=SoftmaxCrossEntropy()).expanded(shape, 10)


def counts(network, shape):
    lines = summary(network, shape)
    return sum(line.trainable for line in lines), sum(line.fixed for line in lines)


def keras(size, inputs, filters, norm=True):
    """Keras's rule: size x inputs x filters without bias and 4 per channel of batch norm, of which 2 are fixed."""
    return (size * inputs + 2) * filters if norm else (size * inputs + 1) * filters


def test_parameters_are_counted_as_keras_counts_them():
    # 3 x 3 x 1 x 16 + 16, 3 x 3 x 16 x 8 + 4 x 8, 8 x 3 + 3
    plain = (Conv2D(16), Activation("relu"), MaxPool(), Conv2D(8), BatchNorm(), GlobalAveragePool(), Dense(3))
    assert counts(Sequential(plain), (8, 8, 1)) == (160 + 1152 + 16 + 27, 16)
    # Keras's "simple convnet" example for MNIST: 320 + 18,496 + 16,010 = 34,826
    example = (
        *(Conv2D(32, padding="valid"), Activation("relu"), MaxPool()),
        *(Conv2D(64, padding="valid"), Activation("relu"), MaxPool()),
        *(Flatten(), Dropout(0.5), Dense(10)),
    )
    assert counts(Sequential(example), (28, 28, 1)) == (34_826, 0)
    first = keras(9, 1, 16) + 2 * keras(9, 16, 16)
    second = keras(9, 16, 32) + keras(9, 32, 32) + keras(1, 16, 32)
    third = keras(9, 32, 64) + keras(9, 64, 64) + keras(1, 32, 64)
    fixed = 2 * (3 * 16 + 3 * 32 + 3 * 64)
    assert counts(Convnet().expand((28, 28, 1), 10), (28, 28, 1)) == (first + second + third + 650, fixed)
    bare = keras(9, 3, 4, norm=False) + 2 * keras(9, 4, 4, norm=False) + 4 * 2 + 2
    assert counts(Convnet(channels=(4,), normalization=None).expand((6, 6, 3), 2), (6, 6, 3)) == (bare, 0)


def test_the_convnet_is_made_as_asked():
    network = Convnet(channels=(2, 3), blocks=2, activation="tanh", normalization=LayerNorm(), dropout=0.3)
    layers = network.expand((8, 8, 1), 5).layers
    blocks = [layer for layer in layers if isinstance(layer, Residual)]
    assert [block.shortcut is None for block in blocks] == [True, True, False, True]
    assert layers[-3:-1] == (GlobalAveragePool(), Dropout(0.3))
    assert {layer.function for layer in layers if isinstance(layer, Activation)} == {"tanh"}
    assert to_json(Convnet())["type"] == "convnet"
    weighed = Convnet(channels=(2, 3), weight_norm="centered", input_noise=0.4).expand((8, 8, 1), 5).layers
    assert weighed[0] == GaussianNoise(0.4)
    assert repr(weighed).count("weight_norm='centered'") == 1 + 2 + 3 + 1


def kinds(layers):
    """The names of layers, of those of blocks in brackets."""
    inside = {Residual: lambda block: f"[{kinds(block.body.layers)}]"}
    return " ".join(inside.get(type(layer), lambda layer: type(layer).__name__)(layer) for layer in layers)


def test_the_normalization_of_a_convnet_stands_before_or_after_each_activation_or_first():
    def stands(**choices):
        return kinds(Convnet(channels=(2,), **choices).expand((8, 8, 1), 5).layers).removesuffix(
            " GlobalAveragePool Dense"
        )

    before = "Conv2D BatchNorm Activation [Conv2D BatchNorm Activation Conv2D BatchNorm] Activation"
    after = "Conv2D Activation BatchNorm [Conv2D Activation BatchNorm Conv2D] Activation BatchNorm"
    assert stands() == stands(position="before", activation="tanh") == before
    assert stands(activation="tanh") == stands(position="after") == after
    assert stands(position="first") == "BatchNorm Conv2D Activation [Conv2D Activation Conv2D] Activation"
    assert stands(position="first", normalization=None) == stands(normalization=None)
    assert repr(Convnet((2, 3), position="after").expand((8, 8, 1), 5)).count("BatchNorm(") == 5


def test_the_convnet_learns_in_two_epochs():
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 96).astype(np.int32)
    x = random.standard_normal((96, 6, 5, 1)).astype(np.float32)
    x[y == 1, ::2] += 1.5  # striped, in rows; else in columns
    x[y == 0, :, ::2] += 1.5
    plan = Plan(
        network=Convnet(channels=(4, 6)),
        loss=SoftmaxCrossEntropy(),
        optimizer=AdamW(learning_rate=0.02),
        epochs=2,
        batch_size=16,
    )
    epochs = list(fit(plan, Dataset(x=x, y=y), probe=None))
    assert epochs[-1].losses.mean() < 0.7 * epochs[0].losses.mean()
    assert epochs[-1].train["loss"] < epochs[0].train["loss"]
    assert epochs[-1].train["accuracy"] > 0.9
