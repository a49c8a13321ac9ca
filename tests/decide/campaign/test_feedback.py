"""What a designed campaign measured is what uplift learns from."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

import worthwhile as ww
from oracles.small_orders import write_orders
from worthwhile.decide.campaign.design import write_contacts
from worthwhile.store.log import open_log


def test_a_planted_effect_goes_from_the_design_through_the_log_into_uplift(tmp_path):
    shop = ww.create_shop(tmp_path / "shop", currency="GBP", threads=1)
    ww.ingest(shop, write_orders(tmp_path / "orders.csv", customers=450))
    ww.forecast(shop, horizon="90d", model="past-rate", cutoff="2011-06-01")
    made = ww.design_campaign(shop, "spring", [ww.Arm("email"), ww.Arm("card")], sizing=ww.Sizing(holdout=0.4))
    rng, planted = np.random.default_rng(0), {"none": 0.0, "email": 30.0, "card": 0.0}
    rows = made.assignment().to_pylist()
    spend = [100 + planted[row["treatment"]] + rng.normal(0, 10) for row in rows]
    told = pa.table({"customer_id": [row["customer_id"] for row in rows], "spend": spend})
    ww.measure_campaign(shop, "spring", outcomes=told)
    run = ww.estimate_uplift(
        shop,
        made.folder / "log.parquet",
        treatment="treatment",
        control="none",
        outcomes="spend",
        options=ww.UpliftOptions(shares=(1.0,), placebo=False),
    )
    assert set(run.facts["covariates"]) == {"forecast_spend", "forecast_orders", "p_active"}
    assert not run.facts["observational"] and run.overlap
    found = {average.action: average for average in run.averages}
    assert all(found[name].low <= planted[name] <= found[name].high for name in ("email", "card"))


def test_contacts_of_customers_whose_ids_begin_like_formulas_come_back_to_them(tmp_path):
    shop = ww.create_shop(tmp_path / "shop", currency="GBP", threads=1)
    odd = ["=sum(1)", "@shop", "-7a", "'quoted"]
    lines = [f"{c},{d},{10 + k}" for k, c in enumerate([*odd, "c1", "c2"]) for d in ("2023-01-01", "2023-02-01")]
    (tmp_path / "orders.csv").write_text("customer_id,date,amount\n" + "\n".join(lines) + "\n")
    ww.ingest(shop, tmp_path / "orders.csv")
    ww.forecast(shop, horizon="30d", model="past-rate")
    made = ww.design_campaign(shop, "spring", [ww.Arm("email")], sizing=ww.Sizing(holdout=1))
    ids = set(made.assignment()["customer_id"].to_pylist())
    assert set(odd) <= ids
    write_contacts(made, tmp_path / "contacts.csv")
    ww.ingest(shop, tmp_path / "contacts.csv")
    with open_log(shop) as log:
        assert {name for (name,) in log.con.execute("SELECT DISTINCT customer_id FROM events").fetchall()} == ids
