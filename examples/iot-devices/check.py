#!/usr/bin/env python3
"""Computes alarms, silences, gaps and the archive again, device by device in plain Python from the topics, and compares.

  check.py --bootstrap 127.0.0.1:9092 --files OUT --show 5"""
import collections
import datetime
import os
import sys
from decimal import ROUND_HALF_UP, Decimal

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from stage import results  # noqa: E402

RESULTS = {
    "temperature_alarms": results.InTopic("temperature-alarms", ["at_time", "device_id", "site", "alarm", "mean", "max_temperature"]),
    "silent_devices": results.InTopic("silent-devices", ["device_id", "online_since", "last_reading", "readings", "battery"]),
    "gaps": results.InTopic("gaps", ["device_id", "gap_from", "gap_to", "seconds"]),
    "minutes": results.InParquet("minutes", ["device_id", "at_minute", "readings", "coldest", "mean", "warmest", "site"]),
}
MINUTE = datetime.timedelta(minutes=1)
MILLISECOND = datetime.timedelta(milliseconds=1)


def mean(values):
    return (sum(values) / len(values)).quantize(Decimal("0.000001"), ROUND_HALF_UP)


def two_places(value):
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def by_minute(readings):
    found = collections.defaultdict(list)
    for reading in readings:
        found[reading["ts"].replace(second=0, microsecond=0)].append(reading["temperature"])
    return found


def alarms(device, minutes, register):
    was_hot = False
    starts = {minute - MINUTE * i for minute in minutes for i in range(5)}
    for start in sorted(starts):
        values = [value for i in range(5) for value in minutes.get(start + MINUTE * i, [])]
        at_time = start + 5 * MINUTE - MILLISECOND
        known = register(device, at_time)
        hot = mean(values) > known["max_temperature"]
        if hot != was_hot:
            yield at_time, device, known["site"], "raised" if hot else "cleared", two_places(mean(values)), known["max_temperature"]
        was_hot = hot


def sessions(readings):
    open_session = []
    for reading in readings:
        if open_session and reading["ts"] - open_session[-1]["ts"] > 3 * MINUTE:
            yield open_session
            open_session = []
        open_session.append(reading)
    yield open_session


def expected(world):
    versions = world.values("devices")
    for version in versions:
        version["max_temperature"] = Decimal(version["max_temperature"])

    def register(device, when):
        valid = [v for v in versions if v["device_id"] == device and v["valid_from"] <= when]
        return max(valid, key=lambda v: v["valid_from"])

    devices = collections.defaultdict(list)
    for reading in world.values("readings"):
        reading["temperature"] = Decimal(reading["temperature"])
        devices[reading["device_id"]].append(reading)
    want = {name: [] for name in RESULTS}
    for device, readings in devices.items():
        readings.sort(key=lambda reading: reading["ts"])
        minutes = by_minute(readings)
        want["temperature_alarms"] += alarms(device, minutes, register)
        for session in sessions(readings):
            want["silent_devices"].append((device, session[0]["ts"], session[-1]["ts"], len(session), min(r["battery"] for r in session)))
        for before, after in zip(readings, readings[1:]):
            if after["ts"] - before["ts"] > 3 * MINUTE:
                want["gaps"].append((device, before["ts"], after["ts"], int((after["ts"] - before["ts"]).total_seconds())))
        for minute, values in minutes.items():
            site = register(device, minute + MINUTE - MILLISECOND)["site"]
            want["minutes"].append((device, minute, len(values), min(values), two_places(mean(values)), max(values), site))
    return want


if __name__ == "__main__":
    results.main(RESULTS, expected, __doc__)
