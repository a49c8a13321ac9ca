"""Every content is encoded once, and what is kept survives crashes, damage and other processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from oracles.letters import Letters
from worthwhile.content import cache
from worthwhile.content.cache import erase_vectors, text_key, vectors_of
from worthwhile.content.hygiene import clean

TEXTS = ["mug", "jug", "<b>mug</b>", "", None, "jug", "a blue plate", "\x00"]


def parts(folder: Path) -> list[Path]:
    return sorted(folder.rglob("part-*.parquet"))


def test_each_distinct_cleaned_text_is_encoded_once_in_the_life_of_the_folder(tmp_path: Path) -> None:
    encoder = Letters()
    first = vectors_of(tmp_path, encoder, TEXTS)
    assert sorted(encoder.asked) == ["a blue plate", "jug", "mug"]
    again = vectors_of(tmp_path, encoder, [*TEXTS[::-1], "new"])
    assert encoder.asked[3:] == ["new"]
    assert np.array_equal(again[:-1], first[::-1])


def test_vectors_are_those_of_the_encoder_in_half_precision_and_zeros_for_empty_texts(tmp_path: Path) -> None:
    given = vectors_of(tmp_path, Letters(), TEXTS)
    assert given.shape == (8, 26) and given.dtype == np.float32
    for text, vector in zip(TEXTS, given, strict=True):
        assert np.array_equal(vector, Letters().encode([clean(text)])[0].astype(np.float16))
    assert np.flatnonzero(~given.any(axis=1)).tolist() == [3, 4, 7]


def test_encoders_have_folders_of_their_own(tmp_path: Path) -> None:
    for name in ("letters-1", "letters-2"):
        encoder = Letters(name)
        vectors_of(tmp_path, encoder, ["mug"])
        assert encoder.asked == ["mug"]


def test_many_texts_are_encoded_and_kept_by_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "CHUNK", 10)
    texts = [f"{'ab' * (k % 7)} {k}" for k in range(35)] * 2
    seen: list[float] = []
    given = vectors_of(tmp_path, Letters(), texts, lambda _, share: seen.append(share))
    assert [pq.read_metadata(part).num_rows for part in parts(tmp_path)].count(10) == 3
    assert seen == [0.0, 10 / 35, 20 / 35, 30 / 35, 1.0]
    assert np.array_equal(given, Letters().encode(texts).astype(np.float16))
    assert np.array_equal(vectors_of(tmp_path, Letters(), texts), given)


def test_no_texts_give_no_vectors(tmp_path: Path) -> None:
    assert vectors_of(tmp_path, Letters(), []).shape == (0, 26)
    assert vectors_of(tmp_path, Letters(), ["", None]).tolist() == [[0.0] * 26] * 2
    assert parts(tmp_path) == []


def _cut(part: Path) -> None:
    part.write_bytes(part.read_bytes()[:-20])


def _flip(part: Path) -> None:
    content = bytearray(part.read_bytes())
    place = content.find(Letters().encode(["mug"]).astype(np.float16).tobytes())
    content[place] ^= 0xFF
    part.write_bytes(content)


def _other_size(part: Path) -> None:
    pq.write_table(pq.read_table(part).select(["hash"]), part)


@pytest.mark.parametrize("damage", [_cut, _flip, _other_size, lambda part: part.write_bytes(b"")])
def test_damaged_part_is_removed_and_made_anew(tmp_path: Path, damage: Any) -> None:
    sound = vectors_of(tmp_path, Letters(), ["mug", "jug"])
    damage(parts(tmp_path)[0])
    encoder = Letters()
    assert np.array_equal(vectors_of(tmp_path, encoder, ["mug", "jug"]), sound)
    assert encoder.asked == ["mug", "jug"] and len(parts(tmp_path)) == 1


def test_two_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.append({str(Path(__file__).parents[1])!r})\n"
        "from pathlib import Path; from oracles.letters import Letters; from worthwhile.content import cache\n"
        "cache.CHUNK = 5\n"
        "for k in range(30): cache.vectors_of(Path(sys.argv[1]), Letters(), [f'{n} mug' for n in range(k, k + 20)])"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
    assert [process.communicate(timeout=100)[1] for process in running] == [b"", b""]
    encoder = Letters()
    given = vectors_of(tmp_path, encoder, texts := [f"{n} mug" for n in range(49)])
    assert encoder.asked == []
    assert np.array_equal(given, Letters().encode(texts).astype(np.float16))


def test_erased_texts_are_in_no_byte_and_all_others_stay(tmp_path: Path) -> None:
    vectors_of(tmp_path, Letters(), ["my cousin Ottilie", "mug"])
    vectors_of(tmp_path, Letters(), ["jug"])
    vectors_of(tmp_path, Letters("static-1"), ["mug"])
    (tmp_path / "letters-1" / ".writing-of-the-dead").write_bytes(text_key("my cousin Ottilie") or b"")
    erase_vectors(tmp_path, ["<i>my cousin Ottilie</i>", ""])
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    vector = Letters().encode(["my cousin Ottilie"]).astype(np.float16).tobytes()
    assert text_key("my cousin Ottilie") not in kept and vector not in kept
    encoder = Letters()
    vectors_of(tmp_path, encoder, ["mug", "jug", "my cousin Ottilie"])
    assert encoder.asked == ["my cousin Ottilie"]
    assert not (tmp_path / "static-1").exists()  # fitted to what was written


def test_erasing_nothing_changes_nothing(tmp_path: Path) -> None:
    vectors_of(tmp_path, Letters("static-1"), ["mug"])
    before = parts(tmp_path)
    erase_vectors(tmp_path, ["", "\x00"])
    erase_vectors(tmp_path / "there is none", ["mug"])
    assert parts(tmp_path) == before
