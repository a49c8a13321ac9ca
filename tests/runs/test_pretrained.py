"""What is said of the pretrained model: in what the shop is unlike others, and whether tuning helped."""

import pytest

from worthwhile.errors import InputError
from worthwhile.models.incontext.coverage import Outside
from worthwhile.models.incontext.finetune import FineTuning
from worthwhile.runs import forecast
from worthwhile.runs.pretrained import Pretrained, pretrained_in

REPEATS = Outside("repeat_share", "share of customers who came again", "复购客户占比", 0.99, 0.0, 0.98)
FEW = Outside("customers", "number of customers", "客户数", 1.8, 2.3, 7.8)


def test_what_is_unlike_is_said_in_words_and_in_which_direction():
    [english] = Pretrained(unlike=[REPEATS, FEW]).sentences("en")
    assert "share of customers who came again: more than in any; number of customers: less than in any" in english
    [chinese] = Pretrained(unlike=[REPEATS, FEW]).sentences("zh")
    assert "复购客户占比高于所有模拟店铺；客户数低于所有模拟店铺" in chinese and "share" not in chinese


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (FineTuning(1.08, 1.07, 0.002, 0.2, 0.1), "it loses 1.070 instead of 1.080"),
        (FineTuning(1.07, 1.08, 0.002, 0.2, 0.1), "it would lose 1.080 instead of 1.070"),
        (FineTuning(1.08, 1.077, 0.002, 0.2, 0.1), "would not surely be better"),  # a gain as chance would have it
        (FineTuning(1.08, 1.0, 0.002, 0.2, -0.3), "its total -26% off instead of +22%"),
        (None, "was not fine-tuned: it takes a past window to judge by"),
    ],
)
def test_what_fine_tuning_came_to_is_said(found, said):
    [english] = Pretrained(fine_tune=True, fine_tuning=found).sentences("en")
    assert said in english
    assert len(Pretrained(fine_tune=True, fine_tuning=found).sentences("zh")) == 1


def test_of_other_models_nothing_is_said():
    assert pretrained_in(object(), fine_tune=True).sentences() == []


def test_fine_tuning_of_a_model_that_cannot_be_tuned_is_refused(shop):
    with pytest.raises(InputError) as caught:
        forecast(shop, "60d", model="past-rate", fine_tune=True)
    assert (caught.value.code, caught.value.where) == ("bad-argument", "--fine-tune")


def test_a_forecast_tells_what_fine_tuning_came_to(shop):
    run = forecast(shop, "200d", model="in-context", fine_tune=True)
    assert any("fine-tuned" in sentence for sentence in run.gate.sentences())
    assert not any("fine-tuned" in s for s in forecast(shop, "200d", model="in-context").gate.sentences())
