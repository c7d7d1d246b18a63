#!/usr/bin/env python3
"""Computes the figures again from the topic `sales`, window by window in plain Python, and compares.

  check.py --bootstrap 127.0.0.1:9092 --postgres 'host=.. port=.. user=postgres dbname=postgres' --show 5"""
import collections
import datetime
import os
import sys
from decimal import ROUND_HALF_UP, Decimal

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from stage import results  # noqa: E402

RESULTS = {
    "kpi_today": results.InPostgres("kpi_today", ["day_start", "until_time", "orders", "revenue", "buyers", "mobile_share"]),
    "sales_cube": results.InTopic("sales-cube", ["window_start", "country", "category", "orders", "revenue", "buyers"]),
    "best_sellers": results.InTopic("best-sellers", ["window_start", "category", "place", "product", "revenue", "orders"]),
    "trends": results.InTopic("trends", ["window_start", "country", "revenue", "before", "change_pct"]),
}
MINUTE = datetime.timedelta(minutes=1)
DAY = datetime.timedelta(days=1)


def grouped(sales, key):
    groups = collections.defaultdict(list)
    for sale in sales:
        groups[key(sale)].append(sale)
    return groups


def revenue(sales):
    return sum(sale["amount"] for sale in sales)


def buyers(sales):
    return len({sale["buyer"] for sale in sales})


def five_minutes(sale):
    return sale["ts"].replace(minute=sale["ts"].minute // 5 * 5, second=0, microsecond=0)


def kpi_today(sales):
    """A curve for each day: from its first sale on a point each minute, until midnight."""
    for day, of_day in grouped(sales, lambda sale: sale["ts"].replace(hour=0, minute=0, second=0, microsecond=0)).items():
        of_day.sort(key=lambda sale: sale["ts"])
        until, seen, taken, mobile, people = min(s["ts"] for s in of_day).replace(second=0, microsecond=0), 0, Decimal(0), 0, set()
        while until < day + DAY:
            until += MINUTE
            while seen < len(of_day) and of_day[seen]["ts"] < until:
                sale = of_day[seen]
                seen, taken, mobile = seen + 1, taken + sale["amount"], mobile + (sale["channel"] == "mobile")
                people.add(sale["buyer"])
            yield day, until, seen, taken, len(people), (Decimal(mobile) / seen).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def sales_cube(sales):
    for countries, categories in ((True, True), (True, False), (False, True), (False, False)):
        key = (lambda s: (five_minutes(s), (s["country"] or "unknown") if countries else "all", s["category"] if categories else "all"))
        for group, of_group in grouped(sales, key).items():
            yield *group, len(of_group), revenue(of_group), buyers(of_group)


def best_sellers(sales):
    for (window, category), of_category in grouped(sales, lambda s: (five_minutes(s), s["category"])).items():
        products = [(-revenue(group), product, len(group)) for product, group in grouped(of_category, lambda s: s["product"]).items()]
        for place, (taken, product, orders) in enumerate(sorted(products)[:3], 1):
            yield window, category, place, product, -taken, orders


def trends(sales):
    for country, of_country in grouped(sales, lambda s: s["country"]).items():
        windows = sorted((window, revenue(group)) for window, group in grouped(of_country, five_minutes).items())
        for (_, before), (window, now) in zip(windows, windows[1:]):
            if country is not None:
                yield window, country, now, before, int((now - before) * 100 / before)   # towards zero, as CAST does


def expected(world):
    sales = world.values("sales")
    for sale in sales:
        sale["amount"] = Decimal(sale["amount"])
    return {"kpi_today": list(kpi_today(sales)), "sales_cube": list(sales_cube(sales)), "best_sellers": list(best_sellers(sales)),
            "trends": list(trends(sales))}


if __name__ == "__main__":
    results.main(RESULTS, expected, __doc__)
