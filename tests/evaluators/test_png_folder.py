"""A folder of labelled PNG files: what is taken, what is refused, and that it is always the same bundle."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluators.png_folder import Classes, labelled_pngs, write_bundle
from space.data.images import ImageShape
from space.errors import RequestError
from tests.evaluators.device.pngs import COLOUR, NAMES, bundled, coloured, write_png

CLASSES = Classes(10, NAMES)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name, image in zip(("10_3.png", "2_cat.png", "1_9.png"), coloured(3), strict=True):
        write_png(folder / name, image)
    return folder


def test_labels_are_numbers_or_names_in_the_order_of_the_numbers(folder: Path) -> None:
    assert [(png.number, png.label) for png in labelled_pngs(folder, CLASSES)] == [("1", 9), ("2", 3), ("10", 3)]


def test_the_bundle_holds_every_image_under_a_plain_name(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(bundled(folder, tmp_path / "images.zip")) as archive:
        assert archive.namelist() == ["1_9.png", "2_3.png", "10_3.png"]
        assert archive.read("2_3.png") == (folder / "2_cat.png").read_bytes()
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}


def test_the_same_images_make_the_same_bundle(folder: Path, tmp_path: Path) -> None:
    first = bundled(folder, tmp_path / "first.zip").read_bytes()
    for path in folder.iterdir():
        path.touch()
    assert bundled(folder, tmp_path / "second.zip").read_bytes() == first


def test_what_is_no_png_file_by_name_is_left_alone(folder: Path) -> None:
    (folder / "labels.txt").write_text("cat")
    (folder / "._1_9.png").write_bytes(b"macOS")
    assert len(labelled_pngs(folder, CLASSES)) == 3


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("7_lion.png", "'lion' is no class"),
        ("7_10.png", "'10' is no class"),
        ("cat.png", r"its name is not <number>_<class>\.png"),
        ("1_2_3.png", "its name is not"),
        ("2_3.png", r"2_3\.png and 2_cat\.png have one number and class"),
    ],
)
def test_a_name_that_says_no_class_is_named(folder: Path, name: str, reason: str) -> None:
    write_png(folder / name, coloured(1)[0])
    with pytest.raises(RequestError, match=reason):
        labelled_pngs(folder, CLASSES)


def test_a_class_without_a_name_has_its_number(tmp_path: Path) -> None:
    write_png(tmp_path / "1_11.png", coloured(1)[0])
    assert labelled_pngs(tmp_path, Classes(12))[0].label == 11
    with pytest.raises(RequestError, match=r"'11' is no class; valid names are <number>_<class>\.png, class 0 to 9$"):
        labelled_pngs(tmp_path, Classes(10))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="gone is not a folder"):
        labelled_pngs(tmp_path / "gone", CLASSES)


def test_a_folder_without_images_is_told_what_they_are_called(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"holds no image; the names should be <number>_<class>\.png"):
        labelled_pngs(tmp_path, CLASSES)


@pytest.mark.parametrize(
    ("mode", "side", "reason"),
    [("RGB", 28, "28x28 RGB"), ("L", 32, "32x32 grey"), ("P", 32, "32x32 palette"), ("RGBA", 32, "32x32 RGBA")],
)
def test_an_image_of_another_kind_is_named(folder: Path, tmp_path: Path, mode: str, side: int, reason: str) -> None:
    Image.new(mode, (side, side)).save(folder / "7_7.png")
    with pytest.raises(RequestError, match=rf"7_7\.png is {reason}"):
        write_bundle(labelled_pngs(folder, CLASSES), tmp_path / "images.zip", COLOUR)


def test_grey_images_of_another_size_are_taken_where_the_model_takes_them(tmp_path: Path) -> None:
    folder = tmp_path / "grey"
    folder.mkdir()
    grey = coloured(2)[:, :1, :28, :28]
    for number, image in enumerate(grey):
        write_png(folder / f"{number}_{number}.png", image)
    bundle = bundled(folder, tmp_path / "images.zip", ImageShape(1, 28))
    with zipfile.ZipFile(bundle) as archive, archive.open("1_1.png") as file:
        assert (np.asarray(Image.open(file)) == grey[1, 0]).all()
    with pytest.raises(RequestError, match=r"is 28x28 grey, 8 bits; 28x28 RGB, 8 bits is expected"):
        bundled(folder, tmp_path / "images.zip", ImageShape(3, 28))


def test_a_file_that_is_no_png_is_named(folder: Path, tmp_path: Path) -> None:
    (folder / "7_7.png").write_bytes(b"\xff\xd8" + bytes(100))
    with pytest.raises(RequestError, match=r"7_7\.png is not a PNG file"):
        write_bundle(labelled_pngs(folder, CLASSES), tmp_path / "images.zip", COLOUR)


@pytest.mark.parametrize("length", [0, 10, 100, -1])
def test_a_truncated_image_is_named(folder: Path, tmp_path: Path, length: int) -> None:
    path = folder / "1_9.png"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(RequestError, match=r"1_9\.png (is not a PNG file|ends in the middle)"):
        write_bundle(labelled_pngs(folder, CLASSES), tmp_path / "images.zip", COLOUR)


def test_pixels_survive(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(bundled(folder, tmp_path / "images.zip")) as archive, archive.open("10_3.png") as file:
        assert (np.asarray(Image.open(file)).transpose(2, 0, 1) == coloured(3)[0]).all()
