"""Rooms: bounded, anonymous, one answer a visitor, and gone after a day."""

import time

import pytest

from pages.shared import classroom, layout
from pages.shared.classroom import Room, answer, ask, find, hosted, open_room, unmasked
from tests.pages import golden
from tests.pages.helpers import blocks

CHAIN = ("initialization", "chain")


@pytest.fixture(autouse=True)
def no_rooms(monkeypatch):
    monkeypatch.setattr(classroom, "_rooms", {})
    monkeypatch.setattr(classroom, "visitor", lambda room: "me")   # a test without a browser has no cookie


def test_one_answer_a_visitor_to_the_question_that_is_asked_until_it_is_revealed():
    room = open_room()
    assert not answer(room, CHAIN, "a", 0, 3)   # nothing is asked yet
    ask(room, *CHAIN)
    assert answer(room, CHAIN, "a", 0, 3)
    assert not answer(room, CHAIN, "a", 1, 3)
    assert not answer(room, ("initialization", "deep"), "b", 0, 3)
    assert answer(room, CHAIN, "b", 2, 3)
    assert room.tally(3) == [1, 0, 1]
    room.revealed = (2, "measured")
    assert not answer(room, CHAIN, "c", 2, 3)
    ask(room, *CHAIN)
    assert room.tally(3) == [0, 0, 0]


@pytest.mark.parametrize("choice", [-1, 3, 10**9, True, 1.0, "1", None, [0]])
def test_a_choice_that_there_is_not_changes_nothing(choice):
    room = open_room()
    ask(room, *CHAIN)
    assert not answer(room, CHAIN, "a", choice, 3)
    assert not room.answers


@pytest.mark.parametrize("code", ["", "AAAAA" * 2000, "[x](http://evil.example)", "aaaa\x00", "ÄÄÄÄÄ", "OOOOO", "../..", "‮"])
def test_no_code_but_that_of_a_room_finds_one(code):
    room = open_room()
    assert find(code) is None
    assert hosted(room.code, code) is None
    assert find(f" {room.code.lower()} ") is room
    assert hosted(room.code, room.host) is room


def test_rooms_and_answers_are_bounded_and_a_room_in_use_is_not_taken_from_its_class(monkeypatch):
    rooms = [open_room() for _ in range(classroom.ROOMS)]
    assert open_room() is None
    rooms[3].looked -= classroom.QUIET + 1   # its teacher has been away for an hour
    assert open_room() is not None
    assert find(rooms[3].code) is None
    assert len(classroom._rooms) == classroom.ROOMS
    ask(rooms[0], *CHAIN)
    assert sum(answer(rooms[0], CHAIN, str(i), 0, 3) for i in range(2 * classroom.VISITORS)) == classroom.VISITORS


def test_a_room_is_gone_after_a_day():
    room = open_room()
    room.born = time.monotonic() - classroom.DAY - 1
    assert find(room.code) is None
    other = open_room()
    assert list(classroom._rooms) == [other.code]


def test_a_cookie_is_the_same_visitor_under_every_mask():
    assert unmasked("2|00000000|aabbccdd|17") == unmasked("2|ff00ff00|55bb33dd|17") == bytes.fromhex("aabbccdd")
    for odd in ("", "x", "2|zz|aa|1", "2||aa|1", "|||", "2|aa|aa|1|1"):
        assert isinstance(unmasked(odd), bytes)


def bar_texts(app) -> list[str]:
    return [one.proto.text for one in app.get("progress")]


def test_a_teacher_opens_a_room_asks_reveals_and_the_picture_waits_for_the_class():
    app = golden.open_link("initialization?init_part=chain")
    app.button(key="_class_start").click().run()
    (code, room), = classroom._rooms.items()
    assert any(one.value.endswith(f"/room?room={code}") for one in app.code)
    assert app.query_params["host"] in (room.host, [room.host])
    app.button(key="_class_ask").click().run()
    assert any(getattr(node, "key", None) == "veiled" for node in blocks(app._tree))
    assert room.at == "Gain: 1, Depth L: 30, Width n: 100, First seed: 0"
    for i, who in enumerate("abcd"):
        answer(room, CHAIN, who, i % 2, 3)
    app.run()
    assert [text[-3:] for text in bar_texts(app)] == ["(2)", "(2)", "(0)"]
    app.button(key="_class_reveal").click().run()
    assert room.revealed == (1, "It has become 1.")
    assert bar_texts(app)[1].startswith("**Something between 0.01 and 100: right**")
    app.button(key="_class_leave").click().run()
    assert "host" not in app.query_params
    assert not app.exception


def test_a_student_without_a_room_a_question_or_an_answer_is_told_so():
    app = golden.open_link("room")
    assert any(one.proto.body == layout.STYLE for one in app.get("html"))   # or its links look like text
    assert any("Type the code" in one.value for one in app.markdown)
    assert any("no room with this code" in one.value for one in golden.open_link("room?room=ZZZZZ").markdown)
    room = open_room()
    app = golden.open_link(f"room?room={room.code}")
    assert any("Wait for the first question" in one.value for one in app.markdown)
    ask(room, *CHAIN, "Gain: 1 **x** " + "y" * 1000)
    app.run()
    assert [one.value[:13] for one in app.text] == ["Gain: 1 **x**"]   # as plain text
    assert len(app.text[0].value) <= 300
    app.button(key="_answer_initialization_chain_2").click().run()
    assert room.tally(3) == [0, 0, 1]
    assert any(one.value == "You said: More than 100." for one in app.markdown)
    room.revealed = (1, "It has become 1.")
    app.run()
    assert any(one.value.startswith("It has become 1.") for one in app.markdown)
    assert isinstance(room, Room)
    assert not app.exception
