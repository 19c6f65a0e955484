"""A network is kept and comes back; anything else is refused with a sentence, whatever its bytes are, and nothing large is unpacked for it."""

import contextlib
import io
import json
import pickle
import random
import tracemalloc
import zipfile

import numpy as np
import pytest

from engine import Adam, load_digits, mlp, train
from engine.studies import kept
from engine.studies.kept import FORMAT, MOST_BYTES, About, pack, unpack

ABOUT = About("Digits", 300, "scale", (20, 10), "elu", "before", True, 0.2)


def trained():
    network = mlp((64, 20, 10, 10), activation="elu", batch_norm="before", input_batch_norm=True, dropout=0.2, rng=np.random.default_rng(0))
    for _ in train(network, load_digits().first(300), Adam(network), epochs=2, batch_size=30, rng=np.random.default_rng(0)):
        pass
    return network


NETWORK = trained()
FILE = pack(NETWORK, ABOUT)


def arrays(**changed) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(FILE), allow_pickle=False) as saved:
        return {name: saved[name] for name in saved.files} | changed


def file(members: dict[str, np.ndarray]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **members)
    return stream.getvalue()


def about(**changed) -> np.ndarray:
    told = json.loads(arrays()["about"].tobytes()) | changed
    return np.frombuffer(json.dumps(told).encode(), np.uint8)


def test_a_network_comes_back_as_it_was_and_says_the_same():
    again, said = unpack(FILE)
    assert said == ABOUT
    assert again.theta.tobytes() == NETWORK.theta.tobytes()
    assert again.running.tobytes() == NETWORK.running.tobytes()
    x = load_digits().x_test[:50].astype(np.float32) / 16
    assert np.array_equal(again.predict(x), NETWORK.predict(x))
    with np.load(io.BytesIO(FILE), allow_pickle=False) as saved:   # anybody can read it with NumPy alone
        assert saved["dense_1.W"].shape == (64, 20)


@pytest.mark.parametrize(("members", "said"), [
    (arrays(about=about(format="another")), "no kept network"), (arrays(about=about(extra=1)), "no kept network"),
    (arrays(about=np.frombuffer(b"[1, 2]", np.uint8)), "no kept network"), (arrays(about=np.frombuffer(b"{", np.uint8)), "no kept network"),
    (arrays(about=np.frombuffer(b"[" * 9000, np.uint8)), "no kept network"), (arrays(about=np.zeros(20_000, np.uint8)), "no kept network"),
    ({"x": np.zeros(3, np.float32)}, "no kept network"),
    *((arrays(about=about(**{name: value})), "cannot be built") for name, value in (
        ("hidden", [10**9]), ("hidden", [20] * 21), ("hidden", [20.0, 10]), ("hidden", "20"), ("hidden", [True, 10]), ("activation", "evil"),
        ("activation", ["elu"]), ("activation", {}), ("batch_norm", "beside"), ("dropout", 1), ("dropout", -0.1), ("dropout", float("nan")),
        ("images", 0), ("images", 1e3), ("data", "ImageNet"), ("data", None), ("normalize", None), ("input_batch_norm", 1))),
    (arrays(about=about(hidden=[1000] * 20)), "too large"), (arrays(about=about(hidden=[21, 10])), "must be float32"),
    (arrays(about=about(hidden=[20])), "not those of its network"), (arrays(more=np.zeros(3, np.float32)), "not those of its network"),
    (arrays(**{"dense_1.W": np.zeros((64, 20), np.uint8)}), "must be float32"),
    (arrays(**{"dense_1.W": np.zeros((20, 64), np.float32)}), "must be float32"),
    (arrays(**{"dense_1.W": np.zeros((64, 20))}), "arrays that no kept network has"),
    (arrays(**{"dense_1.W": np.asfortranarray(np.ones((64, 20), np.float32))}), "arrays that no kept network has"),
    (arrays(**{"dense_1.b": np.full(20, np.nan, np.float32)}), "no training leaves"),
    (arrays(**{"batch_norm_1.running_var": np.full(20, -1, np.float32)}), "no training leaves"),
    (arrays(**{"dense_1.b": np.array(["a" * 9] * 20)}), "arrays that no kept network has"),
])
def test_what_does_not_fit_is_refused_with_the_reason(members, said):
    with pytest.raises(ValueError, match=said):
        unpack(file(members))


def test_nothing_is_unpickled():
    class Evil:
        def __reduce__(self):
            return (pytest.fail, ("it ran",))

    stream = io.BytesIO()
    np.savez(stream, **{**arrays(), "dense_1.b": np.array([Evil()], dtype=object)})
    for content in (stream.getvalue(), pickle.dumps(Evil())):
        with pytest.raises(ValueError, match="no kept network"):
            unpack(content)


def zipped(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr(name, content)
    return stream.getvalue()


def test_a_bomb_is_refused_before_it_is_unpacked_and_a_header_before_it_is_believed():
    bomb = zipped("dense_1.W.npy", bytes(500_000_000))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**12,)})
    lie = bytearray(zipped("about.npy", bytes(3_000_000)))
    at = lie.rindex((3_000_000).to_bytes(4, "little"))
    lie[at:at + 4] = (100).to_bytes(4, "little")   # the directory says less than there is
    tracemalloc.start()
    for content, said in ((bomb, "unpacks to more than"), (zipped("about.npy", header.getvalue()), "damaged"), (bytes(lie), "damaged"),
                          (bytes(MOST_BYTES + 1), "more than 4 MB"), (zipped("../evil.txt", b"x"), "no kept network")):
        with pytest.raises(ValueError, match=said):
            unpack(content)
    assert tracemalloc.get_traced_memory()[1] < 3e7
    tracemalloc.stop()


def test_any_damage_is_refused_or_harmless():
    rng = random.Random(0)
    for _ in range(400):
        spoilt = bytearray(FILE)
        for _ in range(rng.choice((1, 3, 30))):
            spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
        content = bytes(spoilt[:rng.choice((len(spoilt), rng.randrange(len(spoilt))))])
        with contextlib.suppress(ValueError):   # no other error
            network, _ = unpack(content)
            assert np.isfinite(network.theta).all()


def test_the_words_and_the_limits_are_of_this_project():
    assert FORMAT in arrays()["about"].tobytes().decode()
    assert kept.INPUTS["Digits"] == load_digits().x_train.shape[1]
