"""What the README shows works."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_the_python_example_runs_and_predicts_growers(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(example, str(README), "exec"), names)
    assert names["model"].evaluate(names["test"])["accuracy"] > 0.8
    assert set(names["model"].predict(names["test"])) <= {"class_0", "class_1", "class_2"}
    assert (tmp_path / "wine.safetensors").is_file()
    assert "accuracy" in capsys.readouterr().out


def test_every_room_in_the_table_exists():
    root = README.parent / "src" / "gammabeta"
    for place in re.findall(r"^\| (.*?) \|", README.read_text(), flags=re.MULTILINE)[2:]:
        for name in re.findall(r"`([^`]+)`", place):
            assert (root / name).exists() or (README.parent / name).exists(), name


def test_every_link_leads_to_a_file():
    for target in re.findall(r"\]\(([^)]+)\)", README.read_text()):
        assert target.startswith("https://") or (README.parent / target).exists(), target
