"""Published files of known factors: small ones in the same formats, whole and damaged."""

from __future__ import annotations

import gzip
import io
import tarfile
import threading
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from scipy.io import savemat

from ganbench import data
from ganbench.core.errors import UserError
from ganbench.data import factors
from ganbench.data.dataset import Dataset, Streamed
from ganbench.data.io import published_file
from ganbench.data.sets import cars3d, dsprites, shapes3d

SPRITES = {"shape": 2, "scale": 3, "orientation": 2, "x": 2, "y": 2}
ROOMS = {**dict.fromkeys(("floor_hue", "wall_hue", "object_hue"), 2), "scale": 2, "shape": 2}
CARS = {"elevation": 2, "azimuth": 3, "type": 5}


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(url: str, root: str, filename: str) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(published_file, "download_url", refused)


def draw(*shape: int, most: int = 255) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.RandomState(0).randint(0, most + 1, shape).astype(np.uint8)


def write_sprites(path: Path, **changes: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    images = draw(48, 64, 64, most=1)
    arrays = {
        "metadata": np.array({"title": "a pickle"}, dtype=object),
        "imgs": images,
        "latents_classes": factors.combinations((1, *SPRITES.values())),
        "latents_values": np.zeros((48, 6)),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **(arrays | changes))
    return images[:, None] * np.uint8(255)


def write_rooms(path: Path, **changes: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    images = draw(32, 64, 64, 3)
    labels = factors.combinations(tuple(ROOMS.values())) * np.array([0.1, 0.1, 0.1, 0.05, 1])
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, array in ({"images": images, "labels": labels} | changes).items():
            file.create_dataset(name, data=array, compression="gzip")
    return images.transpose(0, 3, 1, 2)


def write_cars(
    path: Path, names: tuple[str, ...] = ("e", "a", "c", "d", "b"), **changes: Any
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The images (type, azimuth, elevation, 3, 128, 128), the types in order of name."""
    cars = draw(5, 128, 128, 3, 3, 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            content = io.BytesIO()
            image = cars["abcde".index(name)]
            savemat(content, {"im": image, "mask": image[:, :, 0]} | changes, do_compression=True)
            add(archive, f"data/cars/car_{name}_mesh.mat", content.getvalue())
        add(archive, "data/cars/list.txt", b"a list")
        add(archive, "data/sprites/sprites_1.mat", b"something else")
    return cars.transpose(0, 4, 5, 3, 1, 2)


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


LOADERS: dict[str, tuple[Callable[[Path], Dataset], str, Callable[..., Any]]] = {
    "dsprites": (lambda r: dsprites._load("dsprites", r, SPRITES), dsprites.NAME, write_sprites),
    "shapes3d": (lambda r: shapes3d._load("shapes3d", r, ROOMS), shapes3d.NAME, write_rooms),
    "cars3d": (lambda r: cars3d._load("cars3d", r, CARS), cars3d.NAME, write_cars),
}
every = pytest.mark.parametrize("name", LOADERS)


def place(name: str, root: Path) -> Path:
    return root / name / LOADERS[name][1]


def refusal(name: str, root: Path) -> str:
    with pytest.raises(UserError) as caught:
        LOADERS[name][0](root)
    message = str(caught.value)
    assert "\n" not in message
    assert LOADERS[name][1] in message
    return message


@every
def test_whole_files(name: str, tmp_path: Path) -> None:
    load, _, write = LOADERS[name]
    images = write(place(name, tmp_path))
    if name == "cars3d":  # (type, azimuth, elevation) to the grid's order; 2 by 2 to one
        squares = images.swapaxes(0, 2).reshape(30, 3, 64, 2, 64, 2).astype(float)
        images = np.rint(squares.mean((3, 5)))
    found = load(tmp_path)
    world = found.world
    assert world is not None
    assert set(world.names) <= set(data.source(name).factors)
    grid = factors.combinations(world.sizes)
    assert np.array_equal(world.render(grid).numpy(), images)
    seen = []
    for split in (found.train, found.validation, found.test):
        assert isinstance(split, Streamed)
        rows = torch.arange(len(split)).flip(0)
        assert split.factors is not None
        levels = split.factors[rows].numpy()
        assert torch.equal(split[rows].images, world.render(levels))
        label = "type" if name == "cars3d" else "shape"
        assert torch.equal(split.labels, split.factors[:, world.names.index(label)])
        assert split.images.dtype == torch.uint8
        seen += levels.tolist()
    assert sorted(seen) == grid.tolist()


@every
def test_it_is_unpacked_once_and_again_where_the_copy_is_damaged(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, _, write = LOADERS[name]
    write(place(name, tmp_path))
    first = load(tmp_path)
    (copy,) = (tmp_path / name).glob("*.npy")
    module = {"dsprites": dsprites, "shapes3d": shapes3d, "cars3d": cars3d}[name]
    blocks = module._blocks
    monkeypatch.setattr(module, "_blocks", None)  # whoever reads the file now fails
    assert load(tmp_path).fingerprint == first.fingerprint
    monkeypatch.setattr(module, "_blocks", blocks)
    copy.write_bytes(copy.read_bytes()[:-1])
    assert torch.equal(load(tmp_path).test[:].images, first.test[:].images)
    assert len(list((tmp_path / name).iterdir())) == 2  # the file and its copy


@every
def test_another_file_has_another_fingerprint(name: str, tmp_path: Path) -> None:
    load, _, write = LOADERS[name]
    path = place(name, tmp_path)
    write(path)
    first = load(tmp_path).fingerprint
    change = draw(48, 64, 64, most=1) ^ 1 if name == "dsprites" else draw(32, 64, 64, 3) ^ 1
    key = {"dsprites": "imgs", "shapes3d": "images", "cars3d": "im"}[name]
    write(path, **{key: draw(128, 128, 3, 3, 2) if name == "cars3d" else change})
    assert load(tmp_path).fingerprint != first


@every
def test_a_missing_file_says_what_to_put_where(name: str, tmp_path: Path) -> None:
    message = refusal(name, tmp_path / "new")
    for piece in (str(place(name, tmp_path / "new")), "no route to host", "http", "--data-root"):
        assert piece in message
    assert not (tmp_path / "new").exists()  # nothing is left behind


@every
@pytest.mark.parametrize("damage", ["truncated", "empty", "garbage", "cut behind the data"])
def test_damaged_files_are_named(name: str, damage: str, tmp_path: Path) -> None:
    path = place(name, tmp_path)
    LOADERS[name][2](path)
    content = path.read_bytes()
    path.write_bytes(
        {
            "truncated": content[: len(content) // 2],
            "empty": b"",
            "garbage": b"<html>" * 999,
            "cut behind the data": content[:-4],
        }[damage]
    )
    message = refusal(name, tmp_path)
    assert str(path) in message
    assert "damaged" in message
    assert list(path.parent.iterdir()) == [path]


WRONG = {
    "dsprites: shape": {"imgs": draw(48, 64, 63, most=1)},
    "dsprites: number": {"imgs": draw(47, 64, 64, most=1)},
    "dsprites: dtype": {"imgs": draw(48, 64, 64, most=1).astype(np.float32)},
    "dsprites: values": {"imgs": draw(48, 64, 64, most=2)},
    "dsprites: order": {"imgs": np.asfortranarray(draw(48, 64, 64, most=1))},
    "dsprites: grid": {"latents_classes": factors.combinations((1, *SPRITES.values()))[::-1]},
    "dsprites: pickle": {"latents_classes": np.array([{}], dtype=object)},
    "shapes3d: shape": {"images": draw(32, 64, 63, 3)},
    "shapes3d: number": {"images": draw(31, 64, 64, 3)},
    "shapes3d: dtype": {"images": draw(32, 64, 64, 3).astype(np.int16)},
    "shapes3d: labels": {"labels": np.zeros((32, 4))},
    "shapes3d: grid": {"labels": np.zeros((32, 5))},
    "cars3d: shape": {"im": draw(128, 128, 3, 2, 2)},
    "cars3d: dtype": {"im": draw(128, 128, 3, 3, 2).astype(np.float64)},
    "cars3d: number": {"names": ("a", "b", "c", "d")},
    "cars3d: twice": {"names": ("a", "b", "c", "d", "a")},
}


@pytest.mark.parametrize("case", WRONG)
def test_other_contents_are_refused(case: str, tmp_path: Path) -> None:
    name = case.partition(":")[0]
    LOADERS[name][2](place(name, tmp_path), **WRONG[case])
    assert str(place(name, tmp_path)) in refusal(name, tmp_path)


def test_a_part_of_the_file_may_be_missing(tmp_path: Path) -> None:
    path = place("dsprites", tmp_path)
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("imgs.npy", b"")
    assert "latents_classes" in refusal("dsprites", tmp_path)
    path = place("shapes3d", tmp_path)
    path.parent.mkdir()
    with h5py.File(path, "w") as file:
        file.create_dataset("images", data=draw(32, 64, 64, 3))
    assert "labels" in refusal("shapes3d", tmp_path)


def test_a_car_without_its_images(tmp_path: Path) -> None:
    path = place("cars3d", tmp_path)
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as archive:
        add(archive, "data/cars/car_a_mesh.mat", b"no matrix at all")
    assert "damaged" in refusal("cars3d", tmp_path)
    path.write_bytes(gzip.compress(b""))
    refusal("cars3d", tmp_path)


@every
def test_a_download_is_kept_when_it_is_whole(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, _, write = LOADERS[name]
    write(place(name, tmp_path / "elsewhere"))
    content = place(name, tmp_path / "elsewhere").read_bytes()
    sent = {"bytes": content[: len(content) // 2]}

    def fetch(url: str, root: str, filename: str) -> None:
        assert url.endswith(LOADERS[name][1])
        (Path(root) / filename).parent.mkdir(parents=True, exist_ok=True)
        (Path(root) / filename).write_bytes(sent["bytes"])

    monkeypatch.setattr(published_file, "download_url", fetch)
    root = tmp_path / "root"
    assert "the download of http" in refusal(name, root)
    assert not root.exists()  # half of it is never taken for the whole
    sent["bytes"] = content
    first = load(root)
    assert place(name, root).read_bytes() == content
    monkeypatch.setattr(published_file, "download_url", None)
    assert load(root).fingerprint == first.fingerprint


def test_a_real_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    write_sprites(tmp_path / dsprites.NAME)
    content = (tmp_path / dsprites.NAME).read_bytes()
    sent = {"bytes": content[:-1000]}  # the connection is cut

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(sent["bytes"])

        def do_HEAD(self) -> None:
            self.do_GET()

    with HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/{dsprites.NAME}"
        monkeypatch.setattr(dsprites, "URL", url)
        root = tmp_path / "root"
        assert url in refusal("dsprites", root)
        assert not root.exists()
        sent["bytes"] = content
        found = LOADERS["dsprites"][0](root)
        server.shutdown()
    assert len(found.train) + len(found.validation) + len(found.test) == 48
    assert place("dsprites", root).read_bytes() == content


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sprites(place("dsprites", tmp_path))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array_header_1_0", full)
    with pytest.raises(UserError, match=r"cannot write .*dsprites.* No space left"):
        LOADERS["dsprites"][0](tmp_path)
    assert not list(tmp_path.rglob("*.part"))


def test_without_h5py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(UserError, match=r"pip install 'ganbench\[factors\]'"):
        data.load("shapes3d", tmp_path)


@every
def test_what_the_source_says_is_what_is_loaded(name: str) -> None:
    module = {"dsprites": dsprites, "shapes3d": shapes3d, "cars3d": cars3d}[name]
    source = data.source(name)
    assert source.factors == tuple(module.FACTORS)
    assert source.size == np.prod(list(module.FACTORS.values()))
    label = "type" if name == "cars3d" else "shape"
    assert source.classes == module.FACTORS[label]
    assert source.files == (f"{name}/{module.NAME}",)
