"""Real photographs become vectors; what is broken, huge, of another kind or elsewhere is refused with a reason."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers", reason="needs worthwhile[pictures]")
pytest.importorskip("PIL", reason="needs worthwhile[pictures]")

from PIL import Image

from oracles.tiny_vision import tiny_model
from worthwhile.content.picture import REFUSED, VisionEncoder, load_picture_encoder, picture_vectors_of
from worthwhile.content.picture_file import Refused, decoded, read_content
from worthwhile.errors import InputError
from worthwhile.store.refused_pictures import REASONS, last_refused

DATA = Path(os.environ.get("WORTH_DATA", Path(__file__).parents[3] / "shared" / "data"))
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    return folder


@pytest.fixture
def encoder(model: Path, pictures: Path) -> VisionEncoder:
    return load_picture_encoder(str(model), pictures)


def half_red(mode: str = "RGB") -> Image.Image:
    """Red on the left, blue on the right, twice as wide as high."""
    picture = Image.new("RGB", (64, 32), "blue")
    picture.paste("red", (0, 0, 32, 32))
    return picture.convert(mode)


def written(picture: Image.Image, kind: str, **options: Any) -> bytes:
    held = io.BytesIO()
    picture.save(held, kind, **options)
    return held.getvalue()


def sides(content: bytes) -> tuple[Any, Any]:
    """The colours at the left and right edge of what is read."""
    read = decoded(content)
    assert read.mode == "RGB"
    return read.getpixel((3, read.height // 2)), read.getpixel((read.width - 4, read.height // 2))


# ---- what is read -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("RGB", "PNG"), ("P", "PNG"), ("P", "GIF"), ("CMYK", "JPEG"), ("CMYK", "TIFF"), ("RGBA", "WEBP"), ("RGB", "BMP")],
)
def test_colours_are_those_seen_whatever_the_mode(mode: str, kind: str) -> None:
    left, right = sides(written(half_red(mode), kind))
    assert left == pytest.approx((255, 0, 0), abs=8) and right == pytest.approx((0, 0, 255), abs=8)


def test_transparent_places_are_white() -> None:
    seen = half_red("RGBA")
    seen.paste((0, 0, 0, 0), (32, 0, 64, 32))
    assert sides(written(seen, "PNG")) == ((255, 0, 0), (255, 255, 255))
    palette = half_red("P")
    index = palette.getpixel((60, 3))
    assert sides(written(palette, "PNG", transparency=index))[1] == (255, 255, 255)


def test_sixteen_bits_are_scaled_and_not_cut_off() -> None:
    grey = Image.fromarray(np.full((16, 16), 128 * 257, np.uint16))
    assert sides(written(grey, "PNG"))[0] == (128, 128, 128)


def test_photograph_is_turned_as_its_camera_was_held() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its left: turn the picture clockwise
    read = decoded(written(half_red(), "JPEG", exif=exif))
    assert read.size == (32, 64)
    assert read.getpixel((16, 4)) == pytest.approx((255, 0, 0), abs=8)


def test_first_picture_of_an_animation_counts() -> None:
    frames = [half_red(), Image.new("RGB", (64, 32), "green")]
    assert sides(written(frames[0], "GIF", save_all=True, append_images=frames[1:]))[0] == (255, 0, 0)


# ---- what is refused ----------------------------------------------------------------------------------------------


def _bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


CONTENTS = {
    "empty": b"",
    "no-picture": b"<html><body>404 not found</body></html>",
    "too-many-pixels": _bomb(8_000, 8_000),
    "too-small": written(Image.new("RGB", (1, 1)), "PNG"),
    "too-narrow": written(Image.new("RGB", (8, 400)), "PNG"),
    "broken": written(Image.effect_noise((64, 64), 50), "JPEG")[:-400],
}
MORE = [
    ("no-picture", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n"),
    ("no-picture", b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
    ("too-many-pixels", _bomb(60_000, 60_000)),
    ("broken", _bomb(64, 64)),
    ("broken", written(half_red(), "PNG")[:60]),
    ("broken", written(half_red(), "WEBP")[:40]),
]


@pytest.mark.parametrize(("reason", "content"), [*CONTENTS.items(), *MORE])
def test_content_is_refused_with_its_reason(pictures: Path, reason: str, content: bytes) -> None:
    (pictures / "a.jpg").write_bytes(content)
    with pytest.raises(Refused) as caught:
        decoded(read_content(pictures, "a.jpg"))
    assert caught.value.reason == reason


def test_nothing_outside_the_folder_is_read(pictures: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(written(half_red(), "JPEG"))
    (tmp_path / "pictures-2").mkdir()
    (tmp_path / "pictures-2" / "a.jpg").write_bytes(secret.read_bytes())
    (pictures / "link.jpg").symlink_to(secret)
    (pictures / "folder").symlink_to(tmp_path)
    (pictures / "round").symlink_to("round")
    os.mkfifo(pictures / "pipe.jpg")
    asked = {
        "../secret.jpg": "outside",
        "../pictures-2/a.jpg": "outside",
        str(secret): "outside",
        "link.jpg": "outside",
        "folder/secret.jpg": "outside",
        "/dev/zero": "outside",
        "round": "unreadable",
        "pipe.jpg": "special",
        ".": "special",
        "none.jpg": "no-file",
        "a\0.jpg": "no-file",
        "https://example.com/a.jpg": "address",
        "x" * 300: "unreadable",
    }
    found = {}
    for path in asked:
        with pytest.raises(Refused) as caught:
            read_content(pictures, path)
        found[path] = caught.value.reason
    assert found == asked
    (pictures / "inside.jpg").symlink_to(pictures / "real.jpg")
    (pictures / "real.jpg").write_bytes(secret.read_bytes())
    assert read_content(pictures, "inside.jpg") == secret.read_bytes()


def test_too_large_a_file_is_not_read(pictures: Path) -> None:
    with (pictures / "a.jpg").open("wb") as file:
        file.truncate(30_000_000)
    with pytest.raises(Refused, match="too-large"):
        read_content(pictures, "a.jpg")


def test_every_reason_stands_in_the_docs() -> None:
    page = (ROOT / "docs" / "content.md").read_text(encoding="utf-8")
    assert [reason for reason, (text, _) in REASONS.items() if f"| `{reason}` | {text} |" not in page] == []


# ---- vectors ------------------------------------------------------------------------------------------------------


def test_refused_pictures_are_a_table_and_zeros_and_all_others_are_encoded(
    encoder: VisionEncoder, pictures: Path, tmp_path: Path
) -> None:
    for name, content in CONTENTS.items():
        (pictures / name).write_bytes(content)
    (pictures / "again.png").write_bytes(CONTENTS["broken"])
    (pictures / "good.png").write_bytes(written(half_red(), "PNG"))
    (pictures / "same.jpg").write_bytes(written(half_red(), "PNG"))
    paths = ["good.png", *CONTENTS, None, "", "gone.png", "same.jpg", "broken", "again.png"]
    for _ in range(2):  # from the encoder, then from what is kept
        vectors, refused = picture_vectors_of(tmp_path / "kept", encoder, paths)
        assert refused.schema == REFUSED
        reasons = dict(zip(*(refused[name].to_pylist() for name in ("path", "reason")), strict=True))
        assert reasons == {**{reason: reason for reason in CONTENTS}, "gone.png": "no-file", "again.png": "broken"}
        assert last_refused(tmp_path / "kept") == reasons
        assert np.flatnonzero(vectors.any(axis=1)).tolist() == [0, len(CONTENTS) + 4]
        assert np.array_equal(vectors[0], vectors[-3]) and np.isclose(np.linalg.norm(vectors[0]), 1, atol=1e-3)
        assert vectors.shape == (len(paths), encoder.size) == (len(paths), 24)


def test_picture_that_changes_under_its_name_gets_another_vector(
    encoder: VisionEncoder, pictures: Path, tmp_path: Path
) -> None:
    seen = []
    for colour in ("red", "navy"):
        (pictures / "a.png").write_bytes(written(Image.new("RGB", (40, 40), colour), "PNG"))
        seen.append(picture_vectors_of(tmp_path / "kept", encoder, ["a.png"])[0])
    assert not np.allclose(*seen, atol=1e-2)


def test_vector_is_the_mean_over_the_places_of_what_the_network_answers(encoder: VisionEncoder, pictures: Path) -> None:
    import torch

    (pictures / "a.png").write_bytes(written(half_red(), "PNG"))
    pixels = np.asarray(half_red().resize((32, 32), Image.Resampling.BILINEAR), np.float32) / 255 * 2 - 1
    with torch.inference_mode():
        states = encoder.network(torch.from_numpy(pixels.transpose(2, 0, 1)[None])).last_hidden_state[0]
    expected = states.mean(dim=0) / states.mean(dim=0).norm()
    assert np.allclose(encoder.encode(["a.png"]).vectors[0], expected.numpy(), atol=1e-4)


def test_models_of_pictures_and_texts_give_the_vector_that_both_share(pictures: Path, tmp_path: Path) -> None:
    import torch
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTextConfig, CLIPVisionConfig

    small: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    small["intermediate_size"] = 16
    configs = CLIPTextConfig(vocab_size=9, **small), CLIPVisionConfig(image_size=32, patch_size=16, **small)
    torch.manual_seed(0)
    clip = CLIPModel(CLIPConfig(text_config=configs[0].to_dict(), vision_config=configs[1].to_dict(), projection_dim=8))
    clip.save_pretrained(tmp_path / "clip")
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=32).save_pretrained(tmp_path / "clip")
    (pictures / "a.png").write_bytes(written(half_red(), "PNG"))
    made = load_picture_encoder("clip", pictures, below=tmp_path).encode(["a.png"])
    assert made.vectors.shape == (1, 8) and np.isclose(np.linalg.norm(made.vectors), 1)


@pytest.mark.real_data
def test_all_real_photographs_are_encoded_once_and_like_ones_are_near(model: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    folder = DATA / "fashion_images"
    if not folder.is_dir():
        pytest.skip(f"there is no {folder}")
    names = sorted(path.name for path in folder.glob("*.jpg"))
    assert len(names) == 600
    vectors, refused = picture_vectors_of(tmp_path, encoder := load_picture_encoder(str(model), folder), names)
    assert refused.num_rows == 0 and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    sealed = VisionEncoder(encoder.id, encoder.size, folder, None, None)  # would fail if it were asked
    assert np.array_equal(picture_vectors_of(tmp_path, sealed, names[::-1])[0][::-1], vectors)
    # Random weights see colour and shape at least: the nearest picture is of the same kind far more often than not.
    catalogue = pq.read_table(folder / "catalogue.parquet", columns=["id", "masterCategory"]).to_pandas()
    kind = catalogue.set_index("id")["masterCategory"].loc[[int(Path(name).stem) for name in names]].to_numpy()
    centred = vectors - vectors.mean(axis=0)
    like = (centred / np.linalg.norm(centred, axis=1, keepdims=True)) @ centred.T
    np.fill_diagonal(like, -1)
    chance = sum((np.mean(kind == name)) ** 2 for name in set(kind))
    assert np.mean(kind[like.argmax(axis=1)] == kind) > chance + 0.1


# ---- models -------------------------------------------------------------------------------------------------------


def test_model_without_its_weights_or_how_to_prepare_is_refused(tmp_path: Path, pictures: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = tiny_model(tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    lacking = {name: array for name, array in weights.items() if not name.startswith("layernorm")}
    save_file(lacking, folder / "model.safetensors", {"format": "pt"})
    for mend in (lambda: None, (folder / "preprocessor_config.json").unlink, (folder / "config.json").unlink):
        mend()
        with pytest.raises(InputError) as caught:
            load_picture_encoder(str(folder), pictures)
        assert caught.value.code == "bad-file" and str(folder) in caught.value.where


def test_missing_package_is_named_with_what_to_install(
    model: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    with pytest.raises(InputError) as caught:
        load_picture_encoder(str(model), pictures)
    assert caught.value.code == "missing-extra" and "worthwhile[pictures]" in caught.value.remedy
