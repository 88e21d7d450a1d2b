"""One model file: safetensors, with plan and schema as JSON in its header. Loading runs no code from it."""

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from gammabeta.data import Schema
from gammabeta.errors import FileError, PlanError
from gammabeta.model.model import Model
from gammabeta.model.summary import fresh_shapes
from gammabeta.plan import Plan
from gammabeta.serial import from_json, to_json
from gammabeta.train.step import part_name
from gammabeta.types import Tree

FORMAT = 1
MODEL_NAME = "model.safetensors"


def save(model: Model, path: str | Path) -> Path:
    """Write the model to ``path``, whole or not at all; a folder gets ``model.safetensors`` in it.

    Raises FileError where it cannot be written (a full disk, no permission): what was there before stays.
    """
    path = file_in(Path(path))
    tensors = {
        name: np.asarray(array, order="C")
        for name, array in {**named(model.params, "params"), **named(model.stats, "stats")}.items()
    }
    header = {"plan": json.dumps(to_json(model.plan)), "schema": json.dumps(to_json(model.schema))}
    header |= {"gammabeta": str(FORMAT), "digest": digest(tensors, header)}
    write_whole(path, in_order(to_bytes(tensors, metadata=header)))
    return path


def in_order(content: bytes) -> bytes:
    """A safetensors file with its header in a fixed order: the library writes metadata in a random one."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.dumps(json.loads(content[8:start]), sort_keys=True, ensure_ascii=False).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[start:]


def load(path: str | Path) -> Model:
    """The model in a file, or in a run folder; it predicts as it did when it was saved.

    Raises FileError where there is no such file, where it is truncated, altered, of a newer format, or no model.
    """
    path = file_in(Path(path))
    if not path.is_file():
        raise FileError(f"{path}: there is no such file, expected a model; give a model file or the folder of a run.")
    try:
        with safe_open(path, framework="numpy") as content:
            header = dict(content.metadata() or {})
            # looked at before the tensors are: a newer format may hold other ones
            refuse_other_formats(header, path)
            tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(no_model(path, error)) from None
    body = {"plan": header.get("plan", ""), "schema": header.get("schema", "")}
    if header.get("digest") != digest(tensors, body):
        raise FileError(f"{path}: its content differs from what was saved; it was altered, take it from its source.")
    try:
        plan: Plan = from_json(json.loads(body["plan"]), expected=Plan)
        schema: Schema = from_json(json.loads(body["schema"]), "schema", expected=Schema)
        if not isinstance(plan, Plan) or not isinstance(schema, Schema) or plan.input_shape != schema.input_shape:
            raise FileError(f"{path}: its plan and its schema do not belong together; the file is altered.")
        params, stats, _ = fresh_shapes(plan.layers, plan.input_shape or ())
        return Model(plan, schema, restored(params, tensors, "params", path), restored(stats, tensors, "stats", path))
    except (PlanError, ValueError, TypeError, AttributeError, IndexError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path}: its plan or schema cannot be read: {error}") from None


def file_in(path: Path) -> Path:
    """The model file that a path means: itself, or the one in a folder."""
    return path / MODEL_NAME if path.is_dir() else path


def no_model(path: Path, error: Exception) -> str:
    """What to say of a file that holds no model."""
    if path.suffix not in (".json", ".jsonl", ".toml"):
        return f"{path}: it is not a whole model file ({error}); it may be truncated, take it from its source again."
    beside = path.with_name(MODEL_NAME).is_file()
    return f"{path}: it holds no weights, expected a model; give {path.parent if beside else 'the folder of a run'}."


def refuse_other_formats(header: Mapping[str, str], path: Path) -> None:
    found = header.get("gammabeta", "")
    if not (found.isascii() and found.isdigit() and int(found) > 0):
        raise FileError(f"{path}: a safetensors file that holds no gammabeta model; expected one that gammabeta saved.")
    if int(found) > FORMAT:
        raise FileError(f"{path}: format {found}, expected {FORMAT} or older; update gammabeta to load it.")


def named(tree: Tree, root: str) -> dict[str, np.ndarray]:
    """Leaves by the names they have in a file: ``params.0.weight``, ``stats.1.mean``."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {".".join([root, *map(part_name, path)]): np.asarray(leaf) for path, leaf in leaves}


def restored(shapes: Tree, tensors: Mapping[str, np.ndarray], root: str, path: Path) -> Tree:
    """A tree of the given shapes with the file's tensors at its leaves."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(shapes)
    names = [".".join([root, *map(part_name, place)]) for place, _ in leaves]
    for name, (_, leaf) in zip(names, leaves, strict=True):
        if name not in tensors or tensors[name].shape != leaf.shape:
            found = tensors[name].shape if name in tensors else "nothing"
            raise FileError(f"{path}: {name} is {found}, expected {leaf.shape} by its plan; the file is altered.")
    return jax.tree.unflatten(structure, [tensors[name] for name in names])


def digest(tensors: Mapping[str, np.ndarray], header: Mapping[str, str]) -> str:
    """SHA-256 over names, shapes and bytes of all tensors, plan and schema."""
    state = hashlib.sha256()
    for name in sorted(tensors):
        state.update(f"{name} {tensors[name].dtype} {tensors[name].shape}\n".encode())
        state.update(tensors[name].tobytes())
    for name in ("plan", "schema"):
        state.update(header[name].encode())
    return state.hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: to a temporary name beside it, then rename.

    Raises FileError; what was there before stays, and no temporary file is left.
    """

    def fill(temporary: str) -> None:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    written(path, fill)


def write_json(path: Path, body: Any) -> None:
    """Write what JSON can hold, whole or not at all; no NaN. Raises FileError."""
    write_whole(path, (json.dumps(body, indent=2, allow_nan=False) + "\n").encode())


def written(path: Path, fill: Callable[[str], None]) -> None:
    """``fill`` a temporary file beside ``path`` and rename it to ``path``."""
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        fill(temporary)
        # mkstemp makes private files; a result is as readable as any other file
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise unwritable(path, error) from None
        raise


def unwritable(path: Path, error: OSError) -> FileError:
    """What to say about a file that could not be written."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "make room and try again" if full else "choose another place with -o"
    reason = "the disk is full" if full else (error.strerror or str(error))
    return FileError(f"{path}: cannot be written, {reason}; {remedy}.")
