"""Bad input ends with one clear sentence and the right exit code, and leaves every file as it was."""

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tests.stories.command import SMALL, gammabeta, held

HEAD = "size,color,answer"
ROWS = [f"{3 + i * i % 17 / 4},{('red', 'blue', 'green')[i % 3]},{('stay', 'leave')[i % 7 < 3]}" for i in range(30)]


class Case(NamedTuple):
    """What was typed in which folder, the exit code, and words that the sentence must hold."""

    typed: str
    code: int
    words: tuple[str, ...]


def write(name: str, *lines: str) -> None:
    Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def workplace(tmp_path: Path, run: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of files with one fault each; MODEL stands for a good model."""
    monkeypatch.chdir(tmp_path)
    write("good.csv", HEAD, *ROWS)
    Path("empty.csv").touch()
    write("header.csv", HEAD)
    write("one_class.csv", HEAD, *(row.replace("leave", "stay") for row in ROWS))
    write("unequal.csv", HEAD, *ROWS[:6], "1,red", *ROWS[6:])
    Path("latin.csv").write_bytes("\n".join([HEAD, *ROWS[:4], "2,grün,stay", *ROWS]).encode("latin-1"))
    write("infinite.csv", "x,price", *(f"{i * i % 13},{i / 2}" for i in range(30)), "3,inf")
    write("useless.csv", "house_id,same,answer", *(f"{i},1,{i % 2}" for i in range(30)))
    write("two_rows.csv", "x,y", "1,0", "2,1")
    write("wide.csv", ",".join(f"column_{i}" for i in range(14)), *(",".join("01"[i % 2] * 14) for i in range(30)))
    write("continuous.csv", "x,rate", *(f"{i * i % 13},{i / 7}" for i in range(30)))
    write("names.csv", "x,name", *(f"{i * i % 13},name {i}" for i in range(30)))
    write("twice.csv", "x,x,y", "1,2,0")
    write("commas.csv", "size;depth;answer", *(f"{i},{i * 7 % 100};{i % 5},5;{'ab'[i % 2]}" for i in range(30)))
    write("comma_target.csv", "size;price", *(f"{i * i % 13};{i},{i * 7 % 100}" for i in range(30)))
    for name, value in {"text": "much", "none": "", "less": "-0.5", "more": "inf"}.items():
        rows = [f"{row},{value if i == 8 else i % 3}" for i, row in enumerate(ROWS)]
        write(f"weight_{name}.csv", f"{HEAD},w", *rows)
    write("weight_zero.csv", f"{HEAD},w", *(f"{row},0" for row in ROWS))
    write("texts.csv", "x,y,z", *(f"{i * i % 13},{'ab'[i % 2]},{i}" for i in range(30)))
    Path("sheet.xlsx").write_bytes(b"PK\3\4")
    faulty_binaries()
    houses = pd.read_csv(folder / "test.csv", dtype=str)
    houses.drop(columns=["color"]).to_csv("no_color.csv", index=False)
    houses.drop(columns=["answer"]).to_csv("no_answer.csv", index=False)
    houses.assign(size=["big", *houses["size"][1:]]).to_csv("other_kind.csv", index=False)
    houses.assign(answer="").to_csv("no_targets.csv", index=False)
    houses.assign(answer="perhaps").to_csv("new_class.csv", index=False)
    write("misspelled.json", '{"network": {"type": "mlp", "hiden": [8]}, "loss": "sigmoid_cross_entropy"}')
    write("impossible.json", '{"network": {"type": "mlp", "dropout": 1.5}, "loss": "sigmoid_cross_entropy"}')
    write("wrong_type.json", '{"network": "mlp", "loss": "sigmoid_cross_entropy", "epochs": "many"}')
    write("no_loss.json", '{"network": "mlp"}')
    write("no_json.json", "{network:")
    write("no_toml.toml", "network = ")
    write("list.json", "[1, 2]")
    faulty_models(run / "model.safetensors")
    Path("data_folder").mkdir()
    write("data_folder/readme.md", "no images here")
    Path("taken.csv").mkdir()
    Path("other").mkdir()
    write("other/plan.json", "the plan of my house")
    return tmp_path


def faulty_binaries() -> None:
    Path("images").mkdir()
    for label in ("a", "b"):
        Path("images", label).mkdir()
        for i in range(6):
            Image.fromarray(np.full((5, 4), 9 * i, np.uint8)).save(f"images/{label}/{i}.png")
    broken = Path("images/b/3.png")
    broken.write_bytes(broken.read_bytes()[:40])
    pixels = struct.pack(">BBBBIII", 0, 0, 8, 3, 7, 5, 4) + bytes(7 * 5 * 4)
    Path("cut-images-idx3-ubyte").write_bytes(pixels[:-3])
    Path("odd-images-idx3-ubyte").write_bytes(pixels)
    Path("odd-labels-idx1-ubyte").write_bytes(struct.pack(">BBBBI", 0, 0, 8, 1, 6) + bytes(6))
    pq.write_table(pa.table({"x": list(range(30)), "y": [0, 1] * 15}), "whole.parquet")
    Path("cut.parquet").write_bytes(Path("whole.parquet").read_bytes()[:-9])
    np.savez("whole.npz", x=np.eye(6), y=np.arange(6))
    Path("cut.npz").write_bytes(Path("whole.npz").read_bytes()[:-30])


def faulty_models(model: Path) -> None:
    whole = model.read_bytes()
    Path("cut.safetensors").write_bytes(whole[:-5])
    Path("altered.safetensors").write_bytes(whole[:-5] + bytes([whole[-5] ^ 4]) + whole[-4:])
    assert whole.count(b'"gammabeta": "1"') == 1
    Path("newer.safetensors").write_bytes(whole.replace(b'"gammabeta": "1"', b'"gammabeta": "2"'))


FIT = [
    Case("nowhere.csv --target y", 1, ("nowhere.csv", "no such file")),
    Case("god.csv --target answer", 1, ("god.csv", 'did you mean "good.csv"?')),
    Case("no_folder/good.csv --target answer", 1, ("no folder no_folder",)),
    Case("sheet.xlsx --target y", 1, ("sheet.xlsx", ".xlsx", "CSV")),
    Case("data_folder --target y", 1, ("data_folder", "no images", "readme.md")),
    Case("empty.csv --target y", 1, ("empty.csv", "empty", "expected a header line")),
    Case("header.csv --target answer", 1, ("header.csv", "no rows")),
    Case("good.csv --target anser", 2, ("good.csv", '"anser"', 'did you mean "answer"?')),
    Case("good.csv", 2, ("no target was named", "--target", "size, color, answer")),
    Case("good.csv --target answer --target answer", 2, ('"answer", "answer"', "twice")),
    Case("good.csv --target answer --drop colour", 2, ('"colour"', 'did you mean "color"?')),
    Case("good.csv --target answer --drop answer", 2, ('"answer"', "to be dropped")),
    Case("good.csv --target answer --weight weigth", 2, ('"weigth"', "its columns: answer, color, size")),
    Case("good.csv --target answer --weight answer", 2, ('"answer" is both the target and the weight',)),
    Case("good.csv --target answer --weight size --drop size", 2, ('"size" is both the weight and to be dropped',)),
    Case("good.csv --target answer --weight size --kind size=number", 2, ('"size" is both', "given a kind")),
    Case("good.csv --target answer --weight color", 1, ('"color", row', '"blue"', "a finite weight of 0 or more")),
    Case("weight_text.csv --target answer --weight w", 1, ('"w", row 9: found "much", expected a finite weight',)),
    Case("weight_none.csv --target answer --weight w", 1, ('"w", row 9: found ""', "the weight 0")),
    Case("weight_less.csv --target answer --weight w", 1, ('"w", row 9: found "-0.5"', "0 or more")),
    Case("weight_more.csv --target answer --weight w", 1, ('"w", row 9: found "inf"', "finite")),
    Case("weight_zero.csv --target answer --weight w", 1, ('"w": every weight is 0', "above 0")),
    Case("good.csv --target answer --kind size=numbr", 2, ('"numbr"', 'did you mean "number"?')),
    Case("good.csv --target answer --kind size", 2, ("--kind size", "COLUMN=KIND")),
    Case("good.csv --target answer --kind color=number", 1, ('"color", row', '"blue"', "a number")),
    Case("good.csv --target answer --task binry", 2, ('"binry"', 'did you mean "binary"?')),
    Case(
        "continuous.csv --target rate --task multiclass",
        2,
        ("task multiclass", '"rate"', "numbers", "ask for regression"),
    ),
    Case("good.csv --target row --task multiclass", 2, ('no column "row"; its columns: answer, color, size.',)),
    Case("wide.csv --target y13", 2, ("its columns: ", "and 2 more.")),
    Case("wide.csv", 2, ("its columns: ", "and 2 more.")),
    Case("names.csv --target name", 1, ("30 different classes", "choose another target")),
    Case("comma_target.csv --target price", 1, ("30 different classes", 'a comma, such as "0,0"')),
    Case("good.csv --target answer --task regression", 1, ('"answer", row', "expected a number")),
    Case("texts.csv --target y --target z", 1, ('"y" holds texts', "0 and 1")),
    Case("texts.csv --target x --task binary", 2, ("task binary", "classes", "multiclass")),
    Case("one_class.csv --target answer", 1, ('only "stay" in its 18 training rows', "two classes")),
    Case("unequal.csv --target answer", 1, ("unequal.csv, line 8", "found 2 values, expected 3")),
    Case("latin.csv --target answer", 1, ("latin.csv, line 6", "UTF-8")),
    Case("infinite.csv --target price", 1, ('"price", row 31', '"inf"', "finite")),
    Case("useless.csv --target answer", 1, ("no usable column", '"house_id"', '"same"')),
    Case("two_rows.csv --target y", 1, ("2 rows", "cannot be split")),
    Case("twice.csv --target y", 1, ('two columns named "x"',)),
    Case("images", 1, ("images/b/3.png", "broken image")),
    Case("cut-images-idx3-ubyte", 1, ("cut-images-idx3-ubyte", "expected 156", "cut short")),
    Case("odd-images-idx3-ubyte", 1, ("odd-labels-idx1-ubyte", "one per image")),
    Case("cut.parquet --target y", 1, ("cut.parquet", "not a whole Parquet file")),
    Case("cut.npz --target y", 1, ("cut.npz", "not a whole .npz file")),
    Case("good.csv --target answer --valid 1.5", 2, ("--valid 1.5", "[0, 1)")),
    Case("good.csv --target answer --test 20%", 2, ("--test 20%", "0.2")),
    Case("good.csv --target answer --valid 0.6 --test 0.5", 2, ("0.6", "0.5", "below 1")),
    Case("good.csv --target answer --valid nowhere.csv", 1, ("nowhere.csv", "no such file")),
    Case("good.csv --target answer --test two_rows.csv", 1, ("two_rows.csv", '"answer"')),
    Case("good.csv --target answer --time-limit soon", 2, ("--time-limit soon", "90s, 5m or 2h")),
    Case("good.csv --target answer --time-limit 0", 2, ("--time-limit 0", "more than no time")),
    Case("good.csv --target answer --seed -1", 2, ("seed", "-1", "[0, 4294967295]")),
    Case("good.csv --target answer --epochs 0", 2, ("epochs", "0", "[1, inf)")),
    Case("good.csv --target answer --epochs two", 2, ("--epochs", "integer", "--help")),
    Case("good.csv --target answer --batch-size 1", 2, ("batch_norm", "batch_size of 2")),
    Case("good.csv --target answer --plan nowhere.json", 1, ("nowhere.json", "no such file")),
    Case("good.csv --target answer --plan misspelled.json", 2, ("plan.network", '"hiden"', 'did you mean "hidden"?')),
    Case("good.csv --target answer --plan impossible.json", 2, ("plan.network.dropout", "1.5", "[0, 1)")),
    Case("good.csv --target answer --plan wrong_type.json", 2, ("plan.epochs", "'many'", "whole number")),
    Case("good.csv --target answer --plan no_loss.json", 2, ('"loss" is missing',)),
    Case("good.csv --target answer --plan no_json.json", 2, ("no_json.json", "not valid JSON")),
    Case("good.csv --target answer --plan no_toml.toml", 2, ("no_toml.toml", "not valid TOML")),
    Case("good.csv --target answer --plan list.json", 2, ("list.json", "expected a plan")),
    Case("good.csv --target answer --set optimizer.learning_rat=1", 2, ('did you mean "learning_rate"?',)),
    Case("good.csv --target answer --set optimizer=adm", 2, ('did you mean "adam"?',)),
    Case("good.csv --target answer --set optimizer.learning_rate=-1", 2, ("learning_rate", "-1.0", "(0, inf)")),
    Case("good.csv --target answer --set epochs", 2, ("--set epochs", "KEY=VALUE")),
    Case("good.csv --target answer --set epoch", 2, ('such as "epochs=20"; did you mean "epochs"?',)),
    Case("good.csv --target answer --set early_stopping.metric=accurac", 2, ('r2; did you mean "accuracy"?',)),
    Case("good.csv --target answer --set loss=softmax_cross_entropy", 2, ("plan.loss", "sigmoid_cross_entropy")),
    Case("good.csv --target answer --set early_stopping.metric=r2", 2, ("early_stopping.metric", "accuracy")),
    Case("good.csv --target answer -o other", 2, ("-o other", "a plan.json that is of no run", "another folder")),
    Case("good.csv --target answer -o good.csv", 2, ("-o good.csv", "expected a folder")),
    Case("good.csv --target answer -o good.csv/run", 1, ("good.csv/run", "cannot be written")),
    Case("good.csv --targe answer", 2, ("--targe", "--target", "--help")),
    Case("good.csv whole.npz", 2, ("whole.npz", "--help")),
    Case("", 2, ("'DATA'", "--help")),
]

OTHERS = [
    Case("frobnicate", 2, ("'frobnicate'", "--help")),
    Case("fti good.csv", 2, ("Did you mean 'fit'?",)),
    Case("predict MODEL", 2, ("'DATA'",)),
    Case("predict MODEL nowhere.csv", 1, ("nowhere.csv", "no such file")),
    Case("predict MODEL header.csv", 1, ("header.csv", "no rows")),
    Case("predict MODEL no_color.csv", 1, ("no_color.csv", '"color"')),
    Case("predict MODEL other_kind.csv", 1, ('"size", row 1', '"big"', "a number")),
    Case("predict MODEL images", 1, ("images/b/3.png",)),
    Case("predict MODEL odd-images-idx3-ubyte", 1, ("odd-labels-idx1-ubyte",)),
    Case("predict MODEL good.csv -o answers.txt", 2, ("answers.txt", ".csv or .parquet")),
    Case("predict MODEL no_answer.csv -o good.csv/a.csv", 1, ("good.csv/a.csv", "cannot be written")),
    Case("predict MODEL no_answer.csv -o taken.csv", 1, ("taken.csv", "cannot be written")),
    Case("predict nowhere no_answer.csv", 1, ("nowhere", "no such file")),
    Case("predict data_folder no_answer.csv", 1, ("data_folder/model.safetensors", "no such file")),
    Case("predict good.csv no_answer.csv", 1, ("good.csv", "not a whole model file")),
    Case("predict cut.safetensors no_answer.csv", 1, ("cut.safetensors", "truncated")),
    Case("predict altered.safetensors no_answer.csv", 1, ("altered.safetensors", "altered")),
    Case("predict newer.safetensors no_answer.csv", 1, ("newer.safetensors", "format 2", "update gammabeta")),
    Case("predict MODEL/plan.json no_answer.csv", 1, ("plan.json: it holds no weights", "give MODEL.")),
    Case("predict misspelled.json no_answer.csv", 1, ("it holds no weights", "give the folder of a run.")),
    Case("evaluate MODEL no_answer.csv", 1, ("no_answer.csv", '"answer"', "its columns: ")),
    Case("evaluate MODEL no_targets.csv", 1, ('"answer"', "no row is left")),
    Case("evaluate MODEL new_class.csv --weight w", 2, ("new_class.csv", 'no column "w"')),
    Case("evaluate MODEL new_class.csv", 1, ('"answer"', '"perhaps"', "training did not have")),
    Case("summary nowhere", 1, ("nowhere", "no such file")),
    Case("summary misspelled.json", 2, ("plan.network", '"hiden"')),
    Case("summary cut.safetensors", 1, ("truncated",)),
    Case("inspect good.csv --target anser", 2, ('did you mean "answer"?',)),
    Case("inspect empty.csv --target y", 1, ("empty.csv", "empty")),
]


def refused(case: Case, typed: list[str]) -> None:
    before = held(Path())
    outcome = gammabeta(*typed)
    assert outcome.code == case.code, outcome.err
    for words in case.words:
        assert words in outcome.complaint
    assert held(Path()) == before


@pytest.mark.parametrize("case", FIT, ids=lambda case: case.typed or "nothing")
def test_fit_refuses(case: Case, workplace: Path) -> None:
    refused(case, ["fit", *case.typed.split(), *SMALL[:2], "--quiet"])
    assert not Path("runs").exists()


def test_a_convnet_for_a_table_is_refused(workplace: Path) -> None:
    case = Case("fit good.csv --target answer --set network=convnet", 2, ("convnet", "expected images", '"mlp"'))
    refused(case, case.typed.split())


@pytest.mark.parametrize("case", OTHERS, ids=lambda case: case.typed)
def test_the_other_commands_refuse(case: Case, workplace: Path, run: Path) -> None:
    words = tuple(said.replace("MODEL", str(run)) for said in case.words)
    refused(case._replace(words=words), [word.replace("MODEL", str(run)) for word in case.typed.split()])


def test_what_can_be_handled_is_handled_with_a_note(workplace: Path, folder: Path, run: Path) -> None:
    houses = pd.read_csv(folder / "all.csv", dtype=str)
    houses.loc[9, "answer"] = "move"
    houses = pd.concat([houses[:3].assign(answer=""), houses])
    houses.to_csv("messy.csv", index=False)
    outcome = gammabeta("fit", "messy.csv", "--target", "answer", *SMALL, "--no-report", "-o", "messy")
    assert outcome.code == 0, outcome.err
    for said in (
        "3 rows have no target and are left out",
        "1 class has a single row, kept for training",
        '"remark" is set aside: none of its',
        '"nothing" is set aside: it holds no value at all',
        '"house_id" is set aside',
    ):
        assert said in outcome.out
    found = gammabeta("evaluate", run, "messy.csv")
    assert found.code == 0
    assert "3 rows have no target and are left out" in found.out
    assert '1 row is of a class that training did not have, such as "move"' in found.out
    assert "59 rows" in found.out
    measured = gammabeta("evaluate", run, "messy.csv", "--json").json
    assert (measured["rows"]["test"], measured["left_out"]) == (59, 4)


def test_numbers_with_a_decimal_comma_are_pointed_out(workplace: Path) -> None:
    for shown in (
        gammabeta("inspect", "commas.csv", "--target", "answer").out,
        gammabeta("fit", "commas.csv", "--target", "answer", *SMALL, "--no-report", "-o", "r").out,
    ):
        said = " ".join(shown.split())
        assert 'texts repeats. Its values look like numbers with a comma, such as "' in said
        assert 'column "depth" is taken as text. Its values look like numbers with a comma, such as "' in said
    assert "comma" not in gammabeta("inspect", "good.csv", "--target", "answer").out


def test_a_run_that_is_replaced_is_told_of(workplace: Path, typed: list[object]) -> None:
    first, second = (gammabeta(*typed, "-o", "run") for _ in range(2))
    assert "will be replaced" not in first.out
    assert "-o run: the run that was there will be replaced." in second.out


def test_a_plan_of_layers_says_where_its_architecture_went(workplace: Path, run: Path) -> None:
    fit = ["fit", "good.csv", "--target", "answer", "--plan", str(run / "plan.json")]
    for name in ("hidden=[4]", "dropout=0.5"):
        outcome = gammabeta(*fit, "--set", f"network.{name}")
        assert outcome.code == 2
        assert "written out as layers" in outcome.complaint
        assert "mlp first" in outcome.complaint
    outcome = gammabeta(*fit, "--set", "network.lyers=[]")
    assert 'did you mean "layers"?' in outcome.complaint
    outcome = gammabeta(*fit, "--set", "network=mlp", "--set", "network.hidden=[8]", "--epochs", 1, "-o", "r")
    assert outcome.code == 0, outcome.err


def test_a_column_or_level_that_training_did_not_have_is_no_obstacle(workplace: Path, run: Path) -> None:
    houses = pd.read_csv("no_answer.csv", dtype=str).assign(new="?", color="purple")
    houses.to_csv("more.csv", index=False)
    outcome = gammabeta("predict", run, "more.csv")
    assert outcome.code == 0
    assert len(outcome.out.splitlines()) == 13
    assert 'such as "purple"' in outcome.err


def test_a_test_file_that_is_the_training_file_is_pointed_out(folder: Path, tmp_path: Path) -> None:
    file = folder / "all.csv"
    outcome = gammabeta(
        "fit", file, "--target", "answer", *SMALL, "--no-report", "--test", file, "--valid", 0.4, "-o", tmp_path / "r"
    )
    assert outcome.code == 0, outcome.err
    assert "is the file that is trained on; its score says nothing about new rows" in outcome.out
