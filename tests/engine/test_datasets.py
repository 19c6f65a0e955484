"""Datasets: real handwriting, from a real download, and a clear sentence for everything that can go wrong.

Most tests serve a MNIST of six images, made here; the real files are downloaded from a server on this machine
where MNIST_DIR names the folder that holds them.
"""

import contextlib
import functools
import gzip
import hashlib
import http.server
import json
import math
import os
import struct
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from engine import datasets, mnist
from engine.datasets import NORMALIZATIONS, Dataset, load_digits, load_mnist, normalizer, shifted
from engine.mnist import DatasetError, read_idx
from tests.reference import MNIST, needs_mnist

ROOT = Path(__file__).parents[2]
STEMS = [stem for stem, _, _ in mnist.FILES.values()]


def idx(array):
    """The IDX bytes of a uint8 array."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def small_parts():
    rng = np.random.default_rng(0)
    return {"x_train": rng.integers(0, 256, (6, 28, 28), np.uint8), "y_train": np.arange(6, dtype=np.uint8),
            "x_test": rng.integers(0, 256, (4, 28, 28), np.uint8), "y_test": np.arange(4, dtype=np.uint8)}


SMALL = {part: idx(array) for part, array in small_parts().items()}
SMALL_FILES = {part: (mnist.FILES[part][0], array.shape, hashlib.sha256(SMALL[part]).hexdigest()) for part, array in small_parts().items()}
PACKED = {f"{SMALL_FILES[part][0]}.gz": gzip.compress(raw) for part, raw in SMALL.items()}
FIRST = "train-images-idx3-ubyte.gz"


@pytest.fixture(autouse=True)
def isolated(monkeypatch, tmp_path):
    """No test sees or touches this machine's cache, settings or proxies."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("MNIST_DIR", "MNIST_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def small(monkeypatch):
    """MNIST is now six images, with their own hashes."""
    monkeypatch.setattr(mnist, "FILES", SMALL_FILES)


@pytest.fixture
def cache():
    import pooch
    folder = Path(pooch.os_cache("deep-network-explorer"))
    assert folder.parts[:2] == Path(os.environ["XDG_CACHE_HOME"]).parts[:2]
    return folder


def fill(folder, files=PACKED):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


class Mirror:
    """A server on this machine that hands out `files` and remembers what it was asked for."""

    def __init__(self, files):
        mirror = self
        self.files, self.requests, self.headers = files, [], {}
        self.ready, self.expected = threading.Event(), 0   # with `expected` set, no file leaves before so many have asked for /ready
        self.ready.set()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.rpartition("/")[2]
                mirror.requests.append(name)
                if name == "ready":
                    if mirror.requests.count("ready") >= mirror.expected:
                        mirror.ready.set()
                    return self.answer(200, b"")
                assert mirror.ready.wait(60)
                content = mirror.files.get(name)
                if isinstance(content, list):   # a different answer each time
                    content = content.pop(0) if len(content) > 1 else content[0]
                return self.answer(404 if content is None else 200, content or b"")

            def answer(self, status, content):
                self.send_response(status)
                for header, value in {"Content-Length": len(content), **mirror.headers}.items():
                    self.send_header(header, str(value))
                self.end_headers()
                with contextlib.suppress(ConnectionError):   # whoever asked gave up
                    self.wfile.write(content)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/mnist"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def await_visitors(self, n):
        self.expected = n
        self.ready.clear()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def serve(monkeypatch):
    mirrors = []

    def start(files=PACKED):
        mirrors.append(Mirror(dict(files)))
        monkeypatch.setenv("MNIST_URL", mirrors[-1].url)
        return mirrors[-1]

    yield start
    for mirror in mirrors:
        mirror.stop()


def is_small_mnist(data):
    return all(np.array_equal(getattr(data, part), array.reshape(len(array), -1) if array.ndim == 3 else array)
               for part, array in small_parts().items())


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}


# --- digits ------------------------------------------------------------------------------------------

def test_digits_are_1797_real_ones_shared_by_all_and_read_only():
    data = load_digits()
    assert (data.x_train.shape, data.x_test.shape, data.image_shape) == ((1437, 64), (360, 64), (8, 8))
    assert data.x_train.max() == data.pixel_max == 16
    assert load_digits() is data


def test_visitors_who_come_at_once_share_the_digits(monkeypatch):
    monkeypatch.setattr(datasets, "_digits", functools.cache(datasets._digits.__wrapped__))   # nobody has come yet
    together = threading.Barrier(8)
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: (together.wait(), load_digits())[1], range(8)))
    assert len(set(map(id, got))) == 1


def test_the_split_of_digits_is_stratified_and_no_image_is_on_both_sides():
    data = load_digits()
    whole = np.bincount(np.concatenate([data.y_train, data.y_test]))
    np.testing.assert_allclose(np.bincount(data.y_test), 0.2 * whole, atol=1)
    assert not {row.tobytes() for row in data.x_train} & {row.tobytes() for row in data.x_test}


def test_digits_are_shuffled_the_original_counts_up():
    labels = load_digits().y_train[:200].astype(int)
    assert np.mean(np.diff(labels) == 1) < 0.2


@pytest.mark.parametrize("part", ["x_train", "y_train", "x_test", "y_test"])
def test_digits_are_bytes_that_nobody_can_change(part):
    array = getattr(load_digits(), part)
    assert array.dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 0


def test_the_first_images_are_views_and_their_number_is_checked():
    data = load_digits()
    few = data.first(20)
    assert len(few.x_train) == len(few.y_train) == 20
    assert np.shares_memory(few.x_train, data.x_train)
    assert few.x_test is data.x_test
    for n in (0, 1438):
        with pytest.raises(ValueError, match=f"n must be between 1 and 1437, got {n}"):
            data.first(n)


# --- normalisation -------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", NORMALIZATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normalisation_gives_the_dtype_asked_for_and_leaves_the_images_alone(kind, dtype):
    data = load_digits()
    x = normalizer(kind, data, dtype)(data.x_train[:50])
    assert (x.dtype, x.shape) == (dtype, (50, 64))
    assert x.flags.writeable
    assert not np.shares_memory(x, data.x_train)


def test_scaling_divides_by_the_largest_pixel_and_none_only_converts():
    data = load_digits()
    np.testing.assert_array_equal(normalizer("scale", data, np.float64)(data.x_test), data.x_test / 16)
    np.testing.assert_array_equal(normalizer("none", data, np.float64)(data.x_test), data.x_test)


def test_standardised_pixels_have_mean_0_and_deviation_1_and_constant_ones_stay_0():
    data = load_digits()
    x = normalizer("standardize", data, np.float64)(data.x_train)
    constant = data.x_train.std(axis=0) == 0
    assert constant.any()
    assert not x[:, constant].any()
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(x.std(axis=0)[~constant], 1, rtol=1e-9)


def test_test_images_are_standardised_with_the_numbers_of_the_training_images():
    data = load_digits()
    mean, std = data.x_train.mean(axis=0), data.x_train.std(axis=0)
    live = std > 0
    x = normalizer("standardize", data, np.float64)(data.x_test)
    np.testing.assert_allclose(x[:, live], (data.x_test - mean)[:, live] / std[live], atol=1e-12)


def test_dividing_by_the_deviation_makes_directions_equally_long_and_dividing_by_the_variance_does_not():
    """The notes divide by σ²: for x1 in [1, 1000] and x2 in [0, 1] that turns one imbalance into the opposite one."""
    rng = np.random.default_rng(0)
    x = np.stack([rng.uniform(1, 1000, 100_000), rng.uniform(0, 1, 100_000)], axis=1)
    by_variance = ((x - x.mean(axis=0)) / x.var(axis=0)).std(axis=0)
    np.testing.assert_allclose(by_variance, [0.00347, 3.46], rtol=0.01)
    pixels = np.round(np.stack([x[:, 0] / 1000, x[:, 1] / 10], axis=1) * 255).astype(np.uint8)
    data = Dataset("two", pixels, np.zeros(len(x), np.uint8), pixels[:1], np.zeros(1, np.uint8), (1, 2), 10, 255)
    assert np.linalg.cond(np.cov(normalizer("standardize", data, np.float64)(pixels).T)) == pytest.approx(1, abs=0.02)


def test_an_unknown_normalisation_is_named():
    with pytest.raises(ValueError, match="normalize must be one of scale, standardize, none, got 'whiten'"):
        normalizer("whiten", load_digits())


@pytest.mark.parametrize(("shape", "pixels"), [((8, 8), 1), ((8, 8), 2), ((3, 5), 1), ((4, 4), 0)])
def test_images_are_shifted_by_every_whole_number_of_pixels_alike_and_what_leaves_is_lost(shape, pixels):
    image = np.arange(1, 1 + math.prod(shape), dtype=np.uint8)
    images = np.tile(image, (4000, 1))
    moved = shifted(images, pixels, np.random.default_rng(0), shape)
    assert moved.shape == images.shape
    assert moved.dtype == np.uint8
    assert (images == image).all()   # the originals stay
    wide, expected = np.zeros((3 * shape[0], 3 * shape[1]), np.uint8), set()
    wide[shape[0]:2 * shape[0], shape[1]:2 * shape[1]] = image.reshape(shape)
    for down in range(-pixels, pixels + 1):
        for right in range(-pixels, pixels + 1):
            expected.add(wide[shape[0] - down:2 * shape[0] - down, shape[1] - right:2 * shape[1] - right].tobytes())
    seen = [one.tobytes() for one in moved]
    assert set(seen) == expected
    assert min(seen.count(one) for one in expected) > 0.6 * 4000 / len(expected)
    assert np.array_equal(moved, shifted(images, pixels, np.random.default_rng(0), shape))


# --- IDX files ----------------------------------------------------------------------------------------

def read(content, tmp_path):
    (tmp_path / "file").write_bytes(content)
    with open(tmp_path / "file", "rb") as stream:
        return read_idx(stream, "file")


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (0,), (1, 1200, 1200)])
def test_idx_files_are_read_back_with_the_hash_of_their_bytes(shape, tmp_path):
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    found, digest = read(idx(array), tmp_path)
    np.testing.assert_array_equal(found, array)
    assert (found.dtype, digest) == (np.uint8, hashlib.sha256(idx(array)).hexdigest())


@pytest.mark.parametrize(("content", "message"), [
    (b"", r"file is not an IDX file of bytes: it starts with nothing"),
    (b"<html>404", r"file is not an IDX file of bytes: it starts with 3c 68 74 6d, not 00 00 08 01 or 00 00 08 03"),
    (b"\x00\x00\x0d\x01\x00\x00\x00\x01\x00", r"starts with 00 00 0d 01"),   # floats
    (b"\x00\x00\x08\x02" + bytes(20), r"starts with 00 00 08 02"),
    (b"\x00\x00\x08\x03\x00\x00\x00\x05", r"file is truncated: it ends before its shape is told"),
    (b"\x00\x00\x08\x03" + b"\xff" * 12, r"file announces an impossible shape \(4294967295, 4294967295, 4294967295\)"),
    (idx(np.zeros((4, 28, 28), np.uint8))[:-1], r"file is truncated: 3,135 of 3,136 values"),
    (idx(np.zeros(5, np.uint8)) + b"x", r"file is longer than its shape \(5,\) says"),
], ids=["nothing", "a web page", "floats", "two dimensions", "half a header", "impossible", "truncated", "too long"])
def test_what_is_no_idx_file_is_told_by_what_is_wrong_with_it(content, message, tmp_path):
    with pytest.raises(DatasetError, match=message):
        read(content, tmp_path)


# --- a folder that MNIST_DIR names ---------------------------------------------------------------------

@pytest.mark.parametrize("packed", [True, False], ids=["gz", "plain"])
@pytest.mark.parametrize("named", ["argument", "MNIST_DIR"])
def test_a_named_folder_is_read_packed_or_plain(small, tmp_path, monkeypatch, packed, named):
    folder = fill(tmp_path / "mine", PACKED if packed else {SMALL_FILES[part][0]: raw for part, raw in SMALL.items()})
    if named == "MNIST_DIR":
        monkeypatch.setenv("MNIST_DIR", str(folder))
    data = load_mnist(folder if named == "argument" else None)
    assert is_small_mnist(data)
    assert (data.name, data.classes, data.pixel_max, data.image_shape) == ("MNIST", 10, 255, (28, 28))
    for array in (data.x_train, data.y_train, data.x_test, data.y_test):
        assert array.dtype == np.uint8
        assert not array.flags.writeable


def test_files_are_known_by_their_bytes_where_a_browser_has_unpacked_them_under_the_old_name(small, tmp_path):
    assert is_small_mnist(load_mnist(fill(tmp_path / "mine", {f"{SMALL_FILES[part][0]}.gz": raw for part, raw in SMALL.items()})))


@pytest.mark.parametrize("named", ["directory", "MNIST_DIR"])
def test_a_folder_that_does_not_exist_is_said_to_be_missing(tmp_path, monkeypatch, named):
    monkeypatch.setenv("MNIST_DIR", str(tmp_path / "nowhere") if named == "MNIST_DIR" else "")
    with pytest.raises(DatasetError, match=rf"{named} names .*nowhere, but there is no such folder\."):
        load_mnist(tmp_path / "nowhere" if named == "directory" else None)


@pytest.mark.parametrize("stem", STEMS)
def test_a_missing_file_is_named(small, tmp_path, stem):
    folder = fill(tmp_path / "mine", {name: content for name, content in PACKED.items() if name != f"{stem}.gz"})
    with pytest.raises(DatasetError, match=f"has no {stem}, plain or .gz"):
        load_mnist(folder)


def flipped(content, at=-9):
    """One bit turned over: by default in the checksum that ends a .gz file."""
    changed = bytearray(content)
    changed[at] ^= 1
    return bytes(changed)


OTHER = small_parts()["x_train"]
DAMAGED = {   # what is in the place of the training images, and what is said about it
    "half a file": (PACKED[FIRST][:len(PACKED[FIRST]) // 2], "truncated"),
    "nothing": (b"", "not an IDX file of bytes: it starts with nothing"),
    "a turned bit": (flipped(PACKED[FIRST]), "damaged"),
    "a turned bit in the middle": (flipped(PACKED[FIRST], len(PACKED[FIRST]) // 2), "truncated or damaged|SHA-256"),
    "a web page": (b"<html>Please log in</html>", "not an IDX file of bytes: it starts with 3c 68 74 6d"),
    "a packed web page": (gzip.compress(b"<html>Please log in</html>"), "not an IDX file of bytes"),
    "other images": (gzip.compress(idx(255 - OTHER)), "is not MNIST's train-images-idx3-ubyte: its SHA-256 is [0-9a-f]{12}…, not [0-9a-f]{12}…"),
    "too few images": (gzip.compress(idx(OTHER[:5])), r"holds an array of shape \(5, 28, 28\), MNIST's is \(6, 28, 28\)"),
    "labels": (PACKED["train-labels-idx1-ubyte.gz"], r"holds an array of shape \(6,\), MNIST's is \(6, 28, 28\)"),
    "a shape that lies": (gzip.compress(idx(OTHER)[:4] + struct.pack(">3I", 7, 28, 28) + idx(OTHER)[16:]), "truncated: 4,704 of 5,488 values"),
}
EACH_DAMAGE = pytest.mark.parametrize(("content", "message"), DAMAGED.values(), ids=DAMAGED)


@EACH_DAMAGE
def test_a_damaged_file_in_a_named_folder_is_told_and_left_as_it_is(small, tmp_path, content, message):
    folder = fill(tmp_path / "mine", {**PACKED, FIRST: content})
    with pytest.raises(DatasetError, match=message):
        load_mnist(folder)
    assert (folder / FIRST).read_bytes() == content


def test_a_folder_in_the_place_of_a_file_counts_as_missing(small, tmp_path):
    folder = fill(tmp_path / "mine", {name: content for name, content in PACKED.items() if name != FIRST})
    (folder / FIRST).mkdir()
    with pytest.raises(DatasetError, match="has no train-images"):
        load_mnist(folder)


# --- download ------------------------------------------------------------------------------------------

def test_a_first_start_downloads_each_file_once_and_a_second_one_none(small, serve, cache):
    mirror, seen = serve(), []
    assert is_small_mnist(load_mnist(progress=lambda done, total: seen.append((done, total))))
    assert sorted(mirror.requests) == sorted(PACKED)
    assert contents(cache) == PACKED   # and nothing half-finished beside them
    for name in PACKED:
        assert (len(PACKED[name]), len(PACKED[name])) in seen
    assert all(done <= total for done, total in seen)
    assert is_small_mnist(load_mnist())
    assert len(mirror.requests) == 4


def test_two_threads_that_start_at_once_fetch_once(small, serve):
    mirror, start = serve(), threading.Barrier(2)

    def load():
        start.wait(30)
        return load_mnist()

    with ThreadPoolExecutor(2) as pool:
        both = [future.result(60) for future in [pool.submit(load), pool.submit(load)]]
    assert all(map(is_small_mnist, both))
    assert sorted(mirror.requests) == sorted(PACKED)


PROCESS = """
import json, os, sys, urllib.request
from engine import datasets, mnist
mnist.FILES = {part: (stem, tuple(shape), digest) for part, (stem, shape, digest) in json.loads(sys.argv[1]).items()}
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(os.environ["MNIST_URL"] + "/ready").read()
data = datasets.load_mnist()
print(int(data.x_train.sum()))
"""


def test_two_processes_that_start_at_once_fetch_once(small, serve, cache):
    mirror = serve()
    mirror.await_visitors(2)   # no byte leaves before both processes are about to load
    processes = [subprocess.Popen([sys.executable, "-c", PROCESS, json.dumps(SMALL_FILES)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True) for _ in range(2)]
    results = [process.communicate(timeout=60) for process in processes]
    assert [out.strip() for out, _ in results] == [str(small_parts()["x_train"].sum(dtype=int))] * 2, results
    assert sorted(name for name in mirror.requests if name != "ready") == sorted(PACKED)
    assert contents(cache) == PACKED


@EACH_DAMAGE
def test_a_damaged_file_in_the_cache_is_repaired_by_a_new_download(small, serve, cache, content, message):
    fill(cache, {**PACKED, FIRST: content})
    mirror = serve()
    assert is_small_mnist(load_mnist())
    assert mirror.requests == [FIRST]   # the good ones are not fetched again
    assert contents(cache) == PACKED
    assert is_small_mnist(load_mnist())
    assert mirror.requests == [FIRST]


def test_a_damaged_plain_file_does_not_hide_the_repaired_packed_one(small, serve, cache):
    fill(cache, {**PACKED, FIRST.removesuffix(".gz"): b"damaged"})
    mirror = serve()
    assert is_small_mnist(load_mnist())
    assert mirror.requests == []


@EACH_DAMAGE
def test_a_damaged_download_is_tried_again_told_and_leaves_the_cache_untouched(small, serve, cache, content, message):
    good = {name: packed for name, packed in PACKED.items() if name != FIRST}
    fill(cache, good)
    mirror = serve({**PACKED, FIRST: content})
    with pytest.raises(DatasetError, match=message) as error:
        load_mnist()
    assert str(error.value).startswith(f"MNIST could not be downloaded ({mirror.url}/: ")
    assert "set MNIST_DIR to a folder with the four files" in str(error.value)
    assert mirror.requests == [FIRST] * 2
    assert contents(cache) == good


@pytest.mark.parametrize("content", [DAMAGED["half a file"][0], b"<html>busy</html>"])
def test_a_second_try_that_works_is_enough(small, serve, cache, content):
    mirror = serve({**PACKED, FIRST: [content, PACKED[FIRST]]})
    assert is_small_mnist(load_mnist())
    assert mirror.requests.count(FIRST) == 2
    assert contents(cache) == PACKED


def test_a_connection_that_breaks_off_is_told(small, serve, cache):
    mirror = serve()
    mirror.headers = {"Content-Length": 10**6}   # more is announced than comes
    with pytest.raises(DatasetError, match=r"MNIST could not be downloaded \(.*Error"):
        load_mnist()
    assert contents(cache) == {}


def test_a_mirror_that_hangs_is_asked_once_and_given_up(small, serve, cache, monkeypatch):
    monkeypatch.setattr(mnist, "PATIENCE", 0.2)
    mirror = serve()
    mirror.await_visitors(99)
    with pytest.raises(DatasetError, match=r"MNIST could not be downloaded \(.*Timeout"):
        load_mnist()
    assert mirror.requests == [FIRST]
    mirror.ready.set()


def test_who_waits_for_a_download_can_give_up_and_nothing_half_done_stays(small, serve, cache):
    mirror = serve()

    def give_up(done, total):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        load_mnist(progress=give_up)
    assert mirror.requests == [FIRST]
    assert [path.name for path in cache.rglob("*") if path.is_file()] == ["lock"]
    assert is_small_mnist(load_mnist())


def test_a_mirror_without_the_file_is_told_with_its_status(small, serve, cache):
    serve({})
    with pytest.raises(DatasetError, match=r"MNIST could not be downloaded \(.*HTTP status 404\)"):
        load_mnist()


def test_the_second_mirror_is_asked_where_the_first_one_fails(small, serve, cache, monkeypatch):
    broken, good = serve({}), serve()
    monkeypatch.delenv("MNIST_URL")
    monkeypatch.setattr(mnist, "MIRRORS", (broken.url + "/", good.url + "/"))
    assert is_small_mnist(load_mnist())
    assert sorted(broken.requests) == sorted(good.requests) == sorted(PACKED)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/mnist", "no-scheme", "http://", "ftp:nothing"])
def test_without_a_network_one_sentence_says_so(small, cache, monkeypatch, url):
    monkeypatch.setenv("MNIST_URL", url)
    with pytest.raises(DatasetError, match=r"^MNIST could not be downloaded \(.*\)\. Check the network, or set MNIST_DIR"):
        load_mnist()
    assert contents(cache) == {}


def test_a_file_in_the_place_of_the_cache_folder_is_told(small, serve, cache):
    mirror = serve()
    cache.parent.mkdir(parents=True, exist_ok=True)
    cache.write_text("in the way")
    with pytest.raises(DatasetError, match=r"The cache folder .* cannot be written \(.*\)\. Set MNIST_DIR to a folder"):
        load_mnist()
    assert mirror.requests == []
    assert cache.read_text() == "in the way"


def test_a_good_cache_that_cannot_be_written_is_enough(small, cache):
    fill(cache)
    (cache / "lock").mkdir()   # not even the lock can be opened
    assert is_small_mnist(load_mnist())


# --- the real thing --------------------------------------------------------------------------------------

@needs_mnist
def test_real_mnist_is_downloaded_verified_and_read(serve, cache):
    mirror = serve({f"{stem}.gz": (MNIST / f"{stem}.gz").read_bytes() for stem in STEMS})
    data = load_mnist()
    assert (data.x_train.shape, data.y_train.shape, data.x_test.shape, data.y_test.shape) == ((60_000, 784), (60_000,), (10_000, 784), (10_000,))
    assert data.y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.mean(data.y_test == 1) == 0.1135
    assert data.x_train.mean() / 255 == pytest.approx(0.1307, abs=5e-5)   # the numbers that everybody normalises with
    assert math.sqrt(np.square(data.x_train / np.float32(255) - np.float32(0.1307)).mean()) == pytest.approx(0.3081, abs=5e-5)
    assert all(array.dtype == np.uint8 and not array.flags.writeable for array in (data.x_train, data.y_train, data.x_test, data.y_test))
    assert len(mirror.requests) == 4
    assert {path.name for path in cache.iterdir()} == {"lock", *(f"{stem}.gz" for stem in STEMS)}


@needs_mnist
def test_standardised_mnist_has_constant_pixels_at_0_and_the_others_at_deviation_1():
    data = load_mnist(MNIST)
    scaled = normalizer("standardize", data)
    constant = (data.x_train == data.x_train[0]).all(axis=0)
    assert np.count_nonzero(constant) == 67
    assert not scaled(data.x_test)[:, constant].any()
    std = np.sqrt(np.mean([np.square(scaled(chunk), dtype=np.float64).mean(axis=0) for chunk in np.split(data.x_train, 60)], axis=0))
    np.testing.assert_allclose(std[~constant], 1, rtol=1e-4)


MEMORY = """
import engine.datasets, pooch   # what code takes is not counted, only data

def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096

before = resident()
data = engine.datasets.load_mnist()
print((resident() - before) / 1e6)
"""


@needs_mnist
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
@pytest.mark.parametrize("source", ["MNIST_DIR", "cache"])
def test_mnist_adds_at_most_60_megabytes_to_the_process(cache, source):
    environment = {**os.environ, "MNIST_DIR": str(MNIST)}
    if source == "cache":
        cache.mkdir(parents=True)
        for stem in STEMS:
            (cache / f"{stem}.gz").symlink_to((MNIST / f"{stem}.gz").resolve())
        environment["MNIST_DIR"] = ""
    out = subprocess.run([sys.executable, "-c", MEMORY], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert out.returncode == 0, out.stderr
    assert 54 < float(out.stdout) <= 60
