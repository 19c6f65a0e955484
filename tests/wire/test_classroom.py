"""A class over the wire: thirty students and a teacher, and one who means harm."""

import re

from benchmarks.client import Visitor, state
from tests.wire.test_fuzz import TEXTS, assert_plain, tracebacks


def counts(teacher: Visitor) -> list[int]:
    teacher.rerun()
    return [int(n) for n in re.findall(r"^\**(?:Less than|Something|More than).*\((\d+)\)$", teacher.text(), re.M)]


def test_thirty_students_are_counted_right_and_hostile_codes_and_answers_change_nothing(server):
    log = len(server.log.read_text())
    teacher = Visitor(server.url, "initialization?init_part=chain")
    teacher.press("_class_start")
    teacher.press("_class_ask")
    code = re.search(r"Room ([A-Z2-9]{5})$", teacher.text(), re.M)[1]
    students, wanted = [], [0, 0, 0]
    for i in range(30):
        student = Visitor(server.url, f"room?room={code}")
        choice = (i * i) % 3
        student.button = student.widgets()[f"_answer_initialization_chain_{choice}"][1].id
        student.press(f"_answer_initialization_chain_{choice}")
        wanted[choice] += 1
        students.append(student)
        assert "You said: " in student.text()
    assert counts(teacher) == wanted

    evil = students[0]
    for _ in range(3):
        evil.rerun(state(evil.button, "trigger_value", True))   # the same button once more, though it is gone
        evil.rerun(state(evil.button, "string_value", "2"), state(students[1].button, "trigger_value", True))
    for text in TEXTS:
        one = Visitor(server.url)
        one.path, one.query, one.page = "room", "room=" + re.sub(r"[^\w.]", "", text)[:300], ""
        one.rerun()
        assert_plain(one)
        one.vanish()
    stranger = Visitor(server.url, f"initialization?init_part=chain&room={code}&host=guessed")
    assert not {"_class_reveal", "_class_ask"} & set(stranger.widgets())
    assert counts(teacher) == wanted

    teacher.press("_class_reveal")
    for student in students[:3]:
        student.rerun()
        assert "It has become 1." in student.text()
    assert tracebacks(server.log.read_text()[log:]) == []
    for one in (*students, teacher, stranger):
        one.vanish()


def test_who_waits_reads_so_and_is_let_go_by_the_next_move(server):
    one = Visitor(server.url, "mnist_training?mnist_part=rates&mnist_batch=1&mnist_width=512")   # seconds of work, a question after the other
    asked = state(one.widgets()["mnist_gain"][1].id, "string_array_value", ["0.7"])
    one.send(asked)
    one.watch(3)
    assert one.told.startswith("Computing")
    one.rerun(state(asked.id, "string_array_value", ["1"]))   # as it was, and answered at once
    assert "mnist_gain" not in one.query, "the run that was left has come to its end"
    one.vanish()


def test_a_late_second_click_is_no_click_on_what_has_come_in_a_buttons_place(server):
    one = Visitor(server.url, "initialization?init_part=neuron")
    late = state(one.widgets()["_init_neuron_try_0"][1].id, "trigger_value", True)
    one.press("_init_neuron_try_0")
    first = one.query
    assert "init_part=chain" in first
    one.rerun(late)   # as a browser sends that has not yet seen what the first one did
    assert one.query == first
    one.vanish()


def test_a_browser_that_is_behind_is_led_back_to_an_address_that_it_still_shows(server):
    one = Visitor(server.url, "initialization?init_part=neuron")
    pill = one.widgets()["init_part"][1].id
    one.rerun(state(pill, "string_array_value", ["Linear chain"]))
    one.query, ended = "init_part=neuron", one.finished
    one.send(state(pill, "string_array_value", ["One neuron"]))   # clicked before the first answer has come,
    one.query = "init_part=chain"   # which it does now
    while one.finished == ended:
        assert one.read(20)
    assert one.query == "init_part=neuron"
    one.vanish()


def test_an_answer_to_the_question_before_is_none_to_the_next_one(server):
    teacher = Visitor(server.url, "initialization?init_part=chain")
    teacher.press("_class_start")
    teacher.press("_class_ask")
    student = Visitor(server.url, "room?room=" + re.search(r"Room ([A-Z2-9]{5})$", teacher.text(), re.M)[1])
    late = state(student.widgets()["_answer_initialization_chain_0"][1].id, "trigger_value", True)
    teacher.rerun(state(teacher.widgets()["init_part"][1].id, "string_array_value", ["One neuron"]))
    teacher.press("_class_ask")
    student.rerun()
    assert "_answer_initialization_neuron_0" in student.widgets()
    student.rerun(late)
    assert "You said: " not in student.text()
    for one in (teacher, student):
        one.vanish()
