"""The simulator makes what it says: shops whose mechanisms can be seen in their orders and visits."""

import pytest
import torch

from worthwhile.models.incontext.columns import Asked, columns_at, outcome_at
from worthwhile.models.incontext.prior import amounts, customers, orders, seasons, simulate, visits
from worthwhile.models.incontext.prior.dice import Dice
from worthwhile.models.incontext.prior.shops import UNTOLD

SHOPS = 6


@pytest.fixture(scope="module")
def shops():
    return simulate(SHOPS, 11, customers=400)


@pytest.fixture(scope="module")
def many():
    """Many small shops: some record visits, some tell of registrations."""
    return simulate(40, 8, customers=100)


def people(count, **habits):
    """Customers of one shop who all have these habits; the rest is plain."""
    plain = {
        "registered": 0.0, "first": 0.0, "leaves": 1e9, "most": 1e6, "gap": 10.0, "regularity": 1.0, "drift": 0.0,
        "wander": 0.0, "sleep": 0.0, "sleep_days": 100.0, "haste": 0.0, "quality": 0.0,
    }  # fmt: skip
    numbers = {name: torch.full((count,), float(value)) for name, value in (plain | habits).items()}
    no = torch.zeros(count, dtype=torch.bool)
    whole = torch.zeros(count, dtype=torch.long)
    return customers.Customers(shop=whole, curve=whole, wholesale=no, subscriber=no, **numbers)


def days_of(some, log_intensity=None, days=400, seed=0):
    """Customer and day of each order of a shop that is equally busy every day, or as busy as said."""
    curves = torch.zeros(1, 3, days) if log_intensity is None else log_intensity.expand(1, 3, days)
    time = seasons.operational_time(curves, torch.ones(1, days, dtype=torch.bool))
    return orders.draw_orders(Dice(seed), some, time)


def visits_of(some, *, days=400, age=0, watched=0):
    """Visits of such customers in a shop that closes after so many days, whose log began when it was `age` days old."""
    who, day = days_of(some, days=days)
    time = tuple(torch.tensor([number]) for number in (days - age, age, watched))
    return visits.draw_visits(Dice(10), some, (who, day.long()), time)


def test_the_same_seed_gives_the_same_shops_and_another_gives_others(shops):
    again, other = simulate(SHOPS, 11, customers=400), simulate(SHOPS, 12, customers=400)
    assert torch.equal(shops.day, again.day) and torch.equal(shops.value, again.value)
    assert len(other.day) != len(shops.day) or not torch.equal(other.value, shops.value)


def test_orders_lie_in_their_log_sorted_and_one_a_customer_and_day(shops):
    shop = shops.shop[shops.customer]
    assert bool(((shops.day >= 0) & (shops.day < shops.days[shop])).all())
    key = shops.customer * 10_000 + shops.day
    assert bool((key[1:] > key[:-1]).all())
    assert bool((shops.shop[1:] >= shops.shop[:-1]).all())


def test_no_more_is_given_back_than_was_paid_and_never_before_the_order(shops):
    assert bool((shops.value > 0).all() and (shops.refund >= 0).all() and (shops.refund <= shops.value).all())
    assert bool((shops.refund_day >= shops.day).all())


def test_one_shop_taken_out_holds_its_own_orders_alone(shops):
    one = shops.one(2)
    mine = shops.shop[shops.customer] == 2
    assert torch.equal(one.value, shops.value[mine]) and torch.equal(one.day, shops.day[mine])
    assert len(one.shop) == int((shops.shop == 2).sum()) == int(one.customer.max()) + 1


def test_one_shop_taken_out_holds_its_own_visits_and_registrations_alone(many):
    shop_of_visit = many.shop[many.visits.customer]
    busiest = int(torch.bincount(shop_of_visit, minlength=many.count).argmax())
    one, mine = many.one(busiest), shop_of_visit == busiest
    assert torch.equal(one.visits.day, many.visits.day[mine]) and torch.equal(one.visits.views, many.visits.views[mine])
    first = int((many.shop < busiest).sum())
    assert torch.equal(one.visits.customer + first, many.visits.customer[mine])
    assert torch.equal(one.registered, many.registered[many.shop == busiest])


def test_a_log_begins_with_its_first_order():
    shops = simulate(8, 3, customers=200)
    first = torch.full((8,), 10_000).scatter_reduce_(0, shops.shop[shops.customer], shops.day, "amin")
    assert set(first[torch.bincount(shops.shop, minlength=8) > 0].tolist()) == {0}


def test_an_even_shop_passes_a_day_of_operational_time_each_day():
    time = seasons.operational_time(torch.zeros(1, 3, 50), torch.ones(1, 50, dtype=torch.bool))
    moments = torch.tensor([[0.5, 7.2, 49.9, 80.0]], dtype=torch.float64)
    assert orders.warp(time.flatten(0, 1), torch.tensor([1]), moments).tolist() == [[0, 7, 49, 50]]


def test_mean_gaps_are_those_of_the_customer():
    who, _ = days_of(people(400, gap=20.0), days=1000)
    assert torch.bincount(who).float().mean().item() == pytest.approx(1 + 1000 / 20, rel=0.05)


def test_regular_customers_have_even_gaps_and_others_do_not():
    for regularity, low, high in ((400.0, 0.0, 0.1), (1.0, 0.8, 1.2)):
        who, day = days_of(people(50, gap=30.0, regularity=regularity), days=1000)
        gaps = day[who.argsort(stable=True)].diff()
        gaps = gaps[gaps > 0]
        assert low < float(gaps.std() / gaps.mean()) < high


def test_those_who_buy_once_buy_once_and_those_who_leave_are_gone():
    who, _ = days_of(people(30, most=1.0))
    assert torch.bincount(who).tolist() == [1] * 30
    _, day = days_of(people(30, leaves=100.0))
    assert float(day.max()) <= 100


def test_those_who_only_register_never_order():
    both = people(60)
    both = customers.Customers(**{**vars(both), "most": torch.where(torch.arange(60) < 40, 0.0, 3.0)})
    assert set(days_of(both)[0].tolist()) == set(range(40, 60))


def test_those_without_an_order_show_only_where_the_shop_tells_of_registrations(many):
    ordered = torch.bincount(many.customer, minlength=len(many.shop)) > 0
    told = many.registered < UNTOLD
    assert bool((ordered | told).all()) and 50 < int((told & ~ordered).sum()) < int(ordered.sum())
    tells = [told[many.shop == shop] for shop in range(many.count)]
    assert all(bool(each.all()) or not bool(each.any()) for each in tells)
    assert 0 < sum(bool(each.any()) for each in tells) < many.count / 2
    assert bool((many.registered < many.days[many.shop])[told].all())


def test_customers_register_at_or_before_their_first_order(many):
    first = torch.full((len(many.shop),), UNTOLD).scatter_reduce_(0, many.customer, many.day, "amin")
    lag = (first - many.registered)[(first < UNTOLD) & (many.registered < UNTOLD)]
    assert int(lag.min()) == 0 and 0.05 < float((lag == 0).float().mean()) < 0.95


def test_those_who_never_buy_are_of_shops_that_tell_and_register_as_they_come():
    shop = torch.arange(300).repeat_interleave(100)
    first = torch.arange(30_000.0)
    registered, never, tells = customers.registrations(Dice(9), 300, shop, first)
    assert 20 < int(tells.sum()) < 70  # 15 % of shops
    assert bool(never[tells[shop]].any()) and not bool(never[~tells[shop]].any())
    assert torch.equal(registered[never], first[never]) and bool((registered <= first).all())


def test_visits_lie_in_their_log_and_most_shops_record_none(many):
    seen, shop = many.visits, many.shop[many.visits.customer]
    assert bool(((seen.day >= 0) & (seen.day < many.days[shop])).all())
    assert bool((seen.views >= 1).all() and (seen.carts >= 0).all() and (seen.carts > 0).any())
    assert 4 < len(torch.unique(shop)) < many.count / 2


def test_those_who_looked_around_of_late_order_more_often():
    many = simulate(80, 9, customers=200)
    asked = Asked((many.days * 0.6).long(), (many.days * 0.2).long())
    columns, present = columns_at(many, asked)
    looked, active = columns["views_90d"] > 0, (outcome_at(many, asked)[1] > 0).double()
    watched = torch.unique(many.shop[looked & present])
    more = [
        float(active[here & looked].mean() - active[here & ~looked].mean())
        for here in ((many.shop == shop) & present for shop in watched)
        if min(int((here & looked).sum()), int((here & ~looked).sum())) >= 5
    ]
    assert len(more) > 4 and sum(more) / len(more) > 0.15


def test_visits_are_recorded_from_the_day_that_tracking_begins():
    late = visits_of(people(200), watched=300)
    assert int(late.day.min()) == 300 and int(late.day.max()) == 399
    assert len(visits_of(people(200), watched=400).day) == 0


def test_a_log_that_begins_late_counts_its_visits_from_its_own_start():
    whole, late = visits_of(people(200)), visits_of(people(200), age=150)
    assert int(late.day.min()) == 0 and torch.equal(late.day + 150, whole.day[whole.day >= 150])


def test_visits_that_lead_to_an_order_lie_at_or_before_it():
    day = torch.arange(5000)
    order, on = visits.before_orders(Dice(12), 1, torch.zeros(5000, dtype=torch.long), day)
    lead = day[order] - on
    assert int(lead.min()) == 0 and int(lead.max()) > 0 and float((lead == 0).float().mean()) > 0.4


def test_visits_end_soon_after_the_last_order_and_go_on_while_customers_stay():
    for most, low, high in ((0.0, 200, 300), (1.0, 200, 300), (1e6, 500, 800)):  # registers only, buys once, stays
        seen = visits_of(people(300, registered=200.0, first=200.0, most=most), days=1000)
        assert len(torch.unique(seen.customer)) > 20
        assert low <= float(seen.day.float().median()) <= high


def test_a_shop_that_is_shut_has_no_orders_then():
    shut = torch.zeros(400)
    shut[100:150] = seasons.QUIET
    _, day = days_of(people(100, gap=5.0), shut)
    inside = ((day >= 100) & (day < 150)).float().mean()
    assert float(inside) < 0.003


def test_sleepers_come_back_after_a_long_while():
    _, awake = days_of(people(200, gap=10.0, most=3.0), days=2000)
    _, asleep = days_of(people(200, gap=10.0, most=3.0, sleep=1.0, sleep_days=300.0), days=2000)
    assert float(asleep.mean()) > 5 * float(awake.mean())


def test_promotions_lift_some_days_and_lower_those_after():
    t = torch.arange(800.0).expand(40, 800)
    lifted = seasons.promotions(Dice(1), 40, t)
    with_sales = (lifted != 0).any(dim=1)
    assert 0 < int(with_sales.sum()) < 40
    assert bool((lifted[with_sales].amax(dim=1) > 0).all() and (lifted[with_sales].amin(dim=1) < 0).all())


def test_a_peak_comes_back_each_year():
    t = torch.arange(1461.0).expand(20, 1461)
    height = seasons.peak(Dice(2), 20, t, torch.zeros(20, 1), p=1.0)
    for row in height:
        tops = [int(row[year * 365 : year * 365 + 366].argmax()) for year in range(3)]
        assert max(tops) - min(tops) <= 3 or min(tops) < 4 or max(tops) > 361  # a peak at the year's turn is cut in two


def test_half_of_all_shops_are_busiest_before_christmas_and_some_on_singles_day():
    place = seasons.peak_place(Dice(5), 4000)[:, 0] * 365.25  # days since 1 January
    even = (352 - 306) / 365  # of the peaks that may lie anywhere
    before_christmas = ((place > 306) & (place < 353)).float().mean()
    assert 0.54 < before_christmas < 0.54 + 0.08 + 2 * even
    assert 0.05 < ((place - 315).abs() < 3).float().mean() < 0.25
    assert ((place > 60) & (place < 160)).float().mean() > 0.05


def test_a_log_knows_on_which_day_of_the_year_it_begins(monkeypatch):
    """Peaks that all lie on 1 July are there in the log, whenever it begins."""
    monkeypatch.setattr(seasons, "peak_place", lambda dice, shops: torch.full((shops, 1), 0.5))
    shops = simulate(60, 5, customers=300)
    when = (shops.began[shops.shop[shops.customer]] + shops.day) % 365.25
    near = ((when - 175).abs() < 25).float().mean()
    assert near > 1.15 * 50 / 365.25 and float(shops.began.min()) >= 0 and float(shops.began.max()) < 365.25


def test_closing_shops_melt_away_and_others_stay():
    t = torch.arange(2600.0).expand(200, 2600)
    melting = seasons.closing(Dice(3), 200, t)
    closed = melting[:, -1] < -1
    assert 0 < int(closed.sum()) < 40 and float(melting[~closed].abs().max()) < 1


def test_first_days_follow_the_density_of_arrivals():
    density = torch.zeros(2, 100)
    density[0, 20:30] = 1
    density[1, 70] = 5
    shop = torch.tensor([0] * 500 + [1] * 10)
    first = customers.first_days(Dice(0), density, shop)
    assert set(first[:500].tolist()) == set(range(20, 30)) and set(first[500:].tolist()) == {70.0}


def test_cohort_shops_acquire_all_customers_in_their_first_weeks():
    opening = torch.arange(700).expand(300, 700)
    season = torch.zeros(300, 700)
    density = customers.arrival_density(Dice(4), opening, torch.full((300, 1), 700), season)
    last = (density > 0).float().cumsum(1).argmax(1)
    assert 10 < int((last < 150).sum()) < 100  # 13 % of shops


def test_nobody_arrives_after_the_log_has_ended():
    opening = torch.arange(700).expand(50, 700)
    density = customers.arrival_density(Dice(5), opening, torch.full((50, 1), 300), torch.zeros(50, 700))
    assert float(density[:, 300:].abs().max()) == 0


def test_businesses_spend_several_times_as_much():
    usual = people(4000)
    business = customers.Customers(**{**vars(usual), "wholesale": torch.ones(4000, dtype=torch.bool)})
    levels = [amounts.customer_level(Dice(6), some, 1).median() for some in (usual, business)]
    assert float(levels[1] - levels[0]) > 0.4


def test_students_tails_are_heavier_than_normal_ones():
    few, many = (amounts.student(Dice(7), torch.full((20_000,), freedom)) for freedom in (2.5, 100.0))
    assert float(few.abs().quantile(0.999)) > 1.5 * float(many.abs().quantile(0.999))


def test_prices_rise_with_inflation_or_stay():
    shop = torch.arange(100)
    early, late = (amounts.price_level(Dice(8), 100, torch.full((100,), t), shop) for t in (0.0, 1000.0))
    assert float((late - early).abs().max()) > 0.05 and int((late == early).sum()) > 10
