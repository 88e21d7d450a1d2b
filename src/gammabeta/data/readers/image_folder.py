"""A folder of images: one folder per class, or a labels.csv, or neither."""

from pathlib import Path

import pyarrow as pa

from gammabeta.data.images import Images
from gammabeta.data.readers.csv import read_csv
from gammabeta.data.readers.pixels import decode
from gammabeta.data.values import plural
from gammabeta.errors import FileError

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
LABELS = "labels.csv"


def read_image_folder(folder: Path) -> Images:
    """Images of a folder, in the order of their names.

    With a labels.csv, its column of file names (found in the folder or in its folder ``images``) is matched
    and its other columns are the labels; else folders of images are classes, in a column "label"; else there
    are no labels.
    Raises FileError: no images, two levels of folders, a listed file that is missing, a broken image.
    """
    if (folder / LABELS).exists():
        return labeled_by_table(folder)
    classes = [entry for entry in visible(folder) if entry.is_dir()]
    found = {entry.name: image_files(entry) for entry in classes}
    paths = [path for files in found.values() for path in files]
    flat = image_files(folder)
    if set(found) == {"images"} or (flat and not paths):
        return images_of(folder, flat or paths, pa.table({}))
    if not paths:
        raise FileError(without_images(folder, classes))
    labels = [name for name, files in found.items() for _ in files]
    notes = tuple(f"{folder / name}: this folder holds no image and is no class." for name, f in found.items() if not f)
    if flat:
        notes += (f"{folder}: {len(flat):,} {plural(len(flat), 'image')} beside the class folders left out.",)
    return images_of(folder, paths, pa.table({"label": pa.array(labels, pa.string())}), notes)


def labeled_by_table(folder: Path) -> Images:
    """Images that a labels.csv lists."""
    table = read_csv(folder / LABELS)
    column, places = file_column(folder, table.columns)
    listed = [name.strip() for name in table.columns.column(column).to_pylist()]
    lacking = [name for name in listed if name not in places]
    if lacking:
        found = f'column "{column}" names "{lacking[0]}", which is not in {folder}'
        count = f"{len(lacking):,} of {len(listed):,} are missing"
        raise FileError(f"{folder / LABELS}: {found} ({count}); add the files or remove their rows.")
    paths = [places[name] for name in listed]
    unlisted = len(set(places.values())) - len(set(paths))
    said = f"{folder}: {unlisted:,} {plural(unlisted, 'image')} that {LABELS} does not list left out."
    labels = table.select([name for name in table.names if name != column])
    return images_of(folder, paths, labels.columns, table.notes + ((said,) if unlisted else ()))


def file_column(folder: Path, columns: pa.Table) -> tuple[str, dict[str, Path]]:
    """(the column whose values are names of image files, file name -> path)."""
    places: dict[str, Path] = {}
    for home in (folder / "images", folder):
        for path in image_files(home) if home.is_dir() else ():
            places |= {path.name: path, path.relative_to(folder).as_posix(): path}
    for sub in (entry for entry in visible(folder) if entry.is_dir() and entry.name != "images"):
        places |= {path.relative_to(folder).as_posix(): path for path in image_files(sub)}
    hits = {name: sum(v.strip() in places for v in columns.column(name).to_pylist()) for name in columns.column_names}
    best = max(hits, key=lambda name: hits[name])
    if not hits[best]:
        found = f"no column holds names of image files; found columns {', '.join(hits)}"
        raise FileError(
            f"{folder / LABELS}: {found} and {len(places):,} image names in {folder}; expected one column of "
            f"names such as 001.png."
        )
    return best, places


def images_of(folder: Path, paths: list[Path], labels: pa.Table, notes: tuple[str, ...] = ()) -> Images:
    """Decode files, with their labels beside them."""
    pixels, more = decode(paths, lambda i: str(paths[i]))
    return Images(pixels, labels, str(folder), notes + tuple(f"{folder}: {note}" for note in more))


def image_files(folder: Path) -> list[Path]:
    """The images directly in a folder, by name."""
    return [entry for entry in visible(folder) if entry.suffix.lower() in EXTENSIONS and entry.is_file()]


def visible(folder: Path) -> list[Path]:
    """What a folder holds, by name, hidden entries left out."""
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def without_images(folder: Path, classes: list[Path]) -> str:
    """Why a folder is no folder of images."""
    deeper = [entry for entry in classes if any(image_files(sub) for sub in visible(entry) if sub.is_dir())]
    if deeper:
        names = ", ".join(entry.name for entry in deeper[:4])
        return f'{folder}: the images are two folders down, in {names}; pass one of these, as "{deeper[0]}".'
    data = [entry.name for entry in visible(folder) if entry.is_file()]
    held = (
        f"files such as {data[0]}"
        if data
        else f"{len(classes)} {plural(len(classes), 'folder')}"
        if classes
        else "nothing"
    )
    return (
        f"{folder}: found a folder with {held} and no images, expected one folder of images per class, or "
        f"images and a {LABELS}; pass a file in it, or a folder of images."
    )
