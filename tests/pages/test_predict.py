"""Predict, then reveal: what is asked, what is hidden until it is answered, and that the numbers decide."""

from bisect import bisect_right

import pytest

from engine.verdict import number
from pages.shared.part import PAGES, Question
from tests.pages import golden
from tests.pages.helpers import PARTS, blocks, open_part

pytestmark = pytest.mark.usefixtures("without_mnist")
ASKING = [(page, part) for page, part in PARTS if part.predict]
each = pytest.mark.parametrize(("page", "part"), ASKING, ids=[f"{page.prefix}-{part.key}" for page, part in ASKING])
CHAIN = next(part for part in PAGES["initialization"].parts if part.key == "chain")


def veiled(app) -> bool:
    return any(getattr(node, "key", None) == "veiled" for node in blocks(app._tree))


def guess(app, page, part, choice):
    return app.button_group(key=f"_{page.prefix}_{part.key}_guess").set_value(choice).run()


def said(app) -> list[str]:
    return [one.value for one in app.markdown if one.value.startswith(("**Right: ", "**No: ", "You said: "))]


def test_most_parts_ask_in_short_sentences():
    assert len(ASKING) > 0.7 * len(PARTS)
    for _, part in ASKING:
        assert all(len(text.split()) <= 30 for text in (part.predict.ask, part.predict.said, part.predict.why, *part.predict.choices))
        assert part.predict.said.count("{}") == 1


@each
def test_the_measured_number_decides_which_choice_is_right(page, part):
    app = open_part(page, part)
    assert not veiled(app)
    assert said(app) == []
    heard = [said(guess(app, page, part, i))[0] for i in range(len(part.predict.choices))]
    rights = [text for text in heard if text.startswith("**Right: ")]
    assert len(rights) == 1
    right = heard.index(rights[0])
    assert all(f": {part.predict.choices[right]}.**" in text for text in heard)
    assert not app.exception


@pytest.mark.slow
@each
def test_at_the_ends_of_every_control_the_answer_is_the_one_in_whose_bounds_the_said_number_lies(page, part):
    app = guess(open_part(page, part), page, part, 0)
    for control in part.all_controls:
        for end in control.ends():
            if control.key in app.session_state:
                app.session_state[control.key] = end
                app.run()
                assert not app.exception, (control.key, end)
                before, _, after = part.predict.said.partition("{}")
                for text in said(app):
                    if not text.startswith("You said"):
                        shown = text.partition(f".** {before}")[2].partition(f"{after} {part.predict.why}")[0]
                        choice = next(i for i, words in enumerate(part.predict.choices) if f": {words}.**" in text)
                        low, high = (-1e308, *part.predict.bounds)[choice], (*part.predict.bounds, 1e308)[choice]
                        assert shown in {number(low), number(high)} or low <= as_number(shown) <= high, (control.key, end, text)
        if control.key in app.session_state:
            app.session_state[control.key] = control.default


def as_number(text: str) -> float:
    digits = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    mantissa, _, power = text.replace(",", "").replace("\u00a0", "").replace("∞", "inf").partition("×10")
    return float(mantissa) * 10.0 ** int(power.translate(digits) or 0)


def test_whoever_goes_on_to_the_next_part_sees_its_result_blurred_until_they_answer_and_a_link_hides_nothing():
    page, part = PAGES["batch_norm"], PAGES["batch_norm"].part("gradient")
    app = golden.open_link("batch_norm")
    assert not veiled(app)   # a page opens with its picture
    app.button_group(key="bn_part").set_value("gradient").run()
    assert veiled(app)
    assert not veiled(guess(app, page, part, 0))
    app.button_group(key="bn_part").set_value("running").run()
    assert veiled(app)
    assert not veiled(app.button(key="_bn_running_show").click().run())
    app.button_group(key="bn_part").set_value("depth").run()
    assert veiled(app)
    app.select_slider(key="bn_scale").set_value(0.5).run()
    assert not veiled(app)   # whoever moves a control wants to see
    assert not veiled(golden.open_link("batch_norm?bn_part=gradient"))
    assert not veiled(golden.open_link("batch_norm?bn_part=running&bn_evaluate=50"))
    assert veiled(golden.open_link("batch_norm?bn_part=gradient&predict=on"))


def test_it_can_be_switched_off_by_link_and_by_a_button_for_the_whole_visit():
    for app in (golden.open_link("batch_norm?predict=off"), golden.open_link("batch_norm").button(key="_predict_off").click().run()):
        app.button_group(key="bn_part").set_value("gradient").run()
        assert not veiled(app)
        assert not any("Guess first" in one.label for one in app.expander)


def test_the_answer_follows_the_settings():
    app = guess(open_part(PAGES["initialization"], CHAIN), PAGES["initialization"], CHAIN, 2)
    assert said(app)[0].startswith("**No: Something between")
    app.slider(key="init_depth").set_value(50).run()
    app.select_slider(key="init_gain").set_value(1.5).run()
    assert said(app) == [f"**Right: More than 100.** It has become {number(1.5**49)}. {CHAIN.predict.why}"]


@pytest.mark.parametrize(("choices", "bounds"), [(("one",), ()), (("a", "b"), (1, 2)), (("a", "b", "c"), (2, 1)), (tuple("abcde"), (1, 2, 3, 4))])
def test_a_question_has_two_to_four_choices_and_a_bound_between_each_two(choices, bounds):
    with pytest.raises(ValueError, match="a question has 2 to 4 choices"):
        Question("?", choices, bounds, lambda v, shown: 0.0, "{}", "")
    assert bisect_right((1.0, 2.0), 1.0) == 1   # a number on a bound belongs to the higher choice
