import json
import re
import sys

import pytest

from search.__main__ import main
from search.choosing import optuna_samplers
from search.commands.command_line import parse
from search.commands.exit_status import OK, REQUEST
from search.settings.durations import duration_s
from search.settings.keys import KEYS, MODEL, SAMPLERS, SPACES, share
from search.settings.settings import Settings, settings
from search.settings.settings_file import as_toml
from search.settings.study_files import STUDIES
from search.store.goal import fixed_text
from space.dimensions import SPACES as TABLES
from space.errors import RequestError
from space.registry import Registry


def written(folder, text):
    path = folder / "mine.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("text", "value"), [("70", 0.7), ("0.70", 0.7), ("70%", 0.7), ("72.5", 0.725), ("0", 0)])
def test_seventy_and_its_fraction_are_the_same(text, value):
    assert share(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["70.5.1", "170", "-1", "nan", "seventy", ""])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(ValueError, match=r"0\.70 and 70"):
        share(text)


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1800), ("90s", 90), ("1h30m", 5400), ("45", 45), ("1.5h", 5400)])
def test_lengths_of_time_are_read_as_a_person_writes_them(text, seconds):
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "m", "1d", "-5m"])
def test_what_is_no_length_of_time_is_refused(text):
    with pytest.raises(ValueError, match="length of time"):
        duration_s(text)


def test_an_unknown_key_is_refused_and_the_nearest_named(tmp_path):
    with pytest.raises(RequestError, match=r"sampeler is not a key; did you mean sampler\?"):
        settings({"config": written(tmp_path, 'sampeler = "gp"')})


def test_a_wrong_value_is_refused_with_its_file_and_key(tmp_path):
    with pytest.raises(RequestError, match=r"mine\.toml: sampler: 'best' is not known; choose model"):
        settings({"config": written(tmp_path, 'sampler = "best"')})


def test_what_is_no_toml_is_refused(tmp_path):
    with pytest.raises(RequestError, match="is not a TOML file"):
        settings({"config": written(tmp_path, "trials: 3")})


def test_a_kind_of_study_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RequestError, match='"dream" is not known; choose one of search, grid'):
        settings({"config": written(tmp_path, 'kind = "dream"')})


def test_an_option_wins_over_a_file_and_a_file_over_the_study(tmp_path):
    config = written(tmp_path, "trials = 5\nseed = 9")
    chosen = settings({"config": config, "seed": 3, "objective": "latency"})
    assert (chosen.trials, chosen.seed, chosen.objective) == (5, 3, "latency")


@pytest.mark.parametrize("name", ["latency", "energy", "fom"])
def test_every_committed_study_can_be_read(name):
    assert settings({"objective": name}).objective == name
    assert (STUDIES / f"{name}.toml").is_file()


def test_settings_as_toml_give_the_settings_again(tmp_path):
    chosen = Settings(trials=5, timeout_s=90.0, margin=0.01, data_dir=tmp_path / 'a "quoted" \\ name', seed=4)
    assert settings({"config": written(tmp_path, as_toml(chosen))}) == chosen


@pytest.mark.parametrize(
    "command", [["study", "{file}"], ["--config", "{file}"], ["rank", "--study", "{file}"]], ids=str
)
def test_a_file_runs_no_program(tmp_path, monkeypatch, capsys, command):
    ran = tmp_path / "it ran"
    url = f"command:sh -c 'touch {tmp_path}/it\\ ran; yes 3'"
    file = written(tmp_path, f"meter = {json.dumps(url)}")
    words = [word.format(file=file) for word in command]
    monkeypatch.setattr(sys, "argv", ["search", *words, "--store", str(tmp_path / "store")])
    assert main() == REQUEST
    err = capsys.readouterr().err
    assert f"{file}: meter = " in err
    assert "--meter 'command:sh -c " in err
    assert len(err.splitlines()) == 1
    assert not ran.exists()
    assert not (tmp_path / "store").exists()


def test_the_command_line_may_name_a_program(tmp_path):
    file = written(tmp_path, "trials = 3")
    assert settings({"config": file, "meters": ["command:yes 3"]}).meters == ("command:yes 3",)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('meter = "hwmon: | command:sh -c id"', "the program sh -c id"),
        ('meter = "ours:anything"', "the package that brings ours"),
        ('storage = "sqlite:///a.db?plugin=ours"', "plugin may load code"),
        ('storage = "sqlite:///a.db#?plugin=ours"', "plugin may load code"),
        ('storage = "mysql+mysqldb://db/a?plugin_dir=/tmp/ours"', "plugin_dir may load code"),
        ('storage = "mssql+pyodbc:///?odbc_connect=Driver=/tmp/ours.so"', "odbc_connect may load code"),
        ('storage = "ours://db/a"', "the driver of 'ours' may load code"),
    ],
)
def test_whatever_runs_or_loads_code_is_refused_in_a_file(tmp_path, monkeypatch, line, named):
    monkeypatch.setattr(Registry, "added", lambda registry: ("ours",))
    with pytest.raises(RequestError, match=re.escape(named)) as refused:
        settings({"config": written(tmp_path, line)})
    assert "mine.toml: " in str(refused.value)
    assert f"--{line.split()[0]} " in str(refused.value)


@pytest.mark.parametrize(
    "line",
    [
        'data = "cifar10"',
        'meter = "hwmon:"',
        'meter = "smartpower2://192.168.4.1?via=board"',
        'storage = "postgresql://db/a?sslmode=require"',
        'storage = "sqlite:///a.db"',
    ],
)
def test_what_runs_nothing_may_stand_in_a_file(tmp_path, line):
    settings({"config": written(tmp_path, line)})


def test_show_config_writes_a_file_that_is_read_and_says_what_is_no_part_of_it(tmp_path, monkeypatch, capsys):
    meter = "command:sh -c 'yes 3'\nseed = 7"
    words = ["show-config", "--trials", "5", "--meter", meter, "--storage", "sqlite:///a.db?plugin=x"]
    monkeypatch.setattr(sys, "argv", ["search", *words])
    assert main() == OK
    out, err = capsys.readouterr()
    chosen = settings({"config": written(tmp_path, out)})
    assert (chosen.trials, chosen.seed, chosen.meters, chosen.storage) == (5, 0, (), None)
    for text in (out, err):
        assert "--meter 'command:sh -c " in text
        assert "--storage 'sqlite:///a.db?plugin=x'" in text
        assert "give it on the command line" in text


def test_the_names_offered_are_those_there_are():
    assert set(SAMPLERS) == {MODEL, *optuna_samplers.SAMPLERS}
    assert set(SPACES) == set(TABLES)


def test_several_devices_and_meters_stay_apart_from_the_command_line_to_a_file(tmp_path):
    _, options = parse(["--device", "a@b", "--device", "c,d", *[word for url in ("x:1,2", "y:", "z:") for word in
                        ("--meter", url)]])  # fmt: skip
    chosen = settings(vars(options))
    assert (chosen.devices, chosen.meters) == (("a@b", "c", "d"), ("x:1,2", "y:", "z:"))
    text = as_toml(chosen)
    assert 'device = "a@b,c,d"' in text
    assert 'meter = "x:1,2 | y: | z:"' in text


def test_what_is_fixed_is_kept_in_one_order_as_a_goal_keeps_it():
    chosen = settings({"fixed": KEYS["fix"].read("learning_rate=0.1, epochs=2")})
    assert chosen.fixed == (("epochs", "2"), ("learning_rate", "0.1"))
    assert fixed_text(chosen.fixed) == "epochs=2,learning_rate=0.1"
    assert 'fix = "epochs=2,learning_rate=0.1"' in as_toml(chosen)


def test_builders_are_as_many_as_pay_or_a_number(tmp_path):
    assert settings({}).builders == "auto"
    file = tmp_path / "own.toml"
    for line, value in (("builders = 4", 4), ('builders = "auto"', "auto"), ('builders = "2"', 2)):
        file.write_text(f'kind = "search"\n{line}\n')
        chosen = settings({"config": file})
        assert chosen.builders == value
        file.write_text(as_toml(chosen))
        assert settings({"config": file}).builders == value
    assert settings({"config": file, "builders": 1}).builders == 1
    for wrong in ("0", "-1", "1.5", "many", ""):
        with pytest.raises(ValueError, match="is neither auto nor a whole number of 1 or more"):
            KEYS["builders"].read(wrong)
    assert KEYS["builders"].read("64") == 64
    with pytest.raises(ValueError, match="65 are more than 64, the most that train at once"):
        KEYS["builders"].read("65")
