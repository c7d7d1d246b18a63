#!/usr/bin/env python3
"""Readings of a hundred and twenty sensors, each every ten seconds: late and out of order as radio is, with devices that fall silent,
rooms that get too warm, and a threshold that is set anew.

  traffic.py --bootstrap 127.0.0.1:9092 --once      a bounded input: forty minutes
  traffic.py --bootstrap 127.0.0.1:9092             the last twenty minutes, then by the clock, until Ctrl-C"""
import heapq
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from stage import player  # noqa: E402
from stage.player import COMPACTED, Record, Topic, sql_time  # noqa: E402

KINDS = {"cold-store": (-19.0, "-15.00"), "server-room": (21.5, "27.00"), "greenhouse": (24.0, "31.00")}
TOWNS = ["hamburg", "lyon", "porto", "gdansk"]
DEVICES = 120
PERIOD_MS = 10_000


class Sensors(player.Traffic):
    topics = [Topic("readings", 4), Topic("devices", 1, COMPACTED), Topic("temperature-alarms"), Topic("silent-devices"), Topic("gaps")]
    span, rate = 2400, DEVICES * 1000 / PERIOD_MS
    steps, history = int(span * rate), 1200

    def __init__(self, seed):
        self.random, self.count, self.delayed = random.Random(seed), 0, []
        self.devices = []
        for i in range(DEVICES):
            kind = list(KINDS)[i % len(KINDS)]
            self.devices.append({"id": f"{kind}-{i:03}", "site": f"{TOWNS[i % len(TOWNS)]}-{kind}", "usual": KINDS[kind][0], "limit": KINDS[kind][1],
                                 "warmer": 0.0, "heating_until": 0, "silent_until": 0, "battery": self.random.uniform(20, 100)})

    def register(self, device, now_ms):
        return Record("devices", {"device_id": device["id"]}, {
            "device_id": device["id"], "site": device["site"], "max_temperature": device["limit"], "valid_from": sql_time(now_ms)})

    def begin(self, now_ms):
        self.begun_ms = now_ms
        for device in self.devices:
            yield self.register(device, now_ms - 86_400_000)

    def step(self, now_ms):
        rng = self.random
        device = self.devices[self.count % DEVICES]
        self.count += 1
        if self.count == self.steps // 2:   # one greenhouse grows something that likes less sun
            plants = self.devices[2]
            plants["limit"] = "24.00"
            yield self.register(plants, now_ms)
        yield from self.arrived(now_ms)
        if now_ms < device["silent_until"]:
            return
        if rng.random() < 0.0015:
            device["silent_until"] = now_ms + rng.randrange(120_000, 900_000)
        if now_ms > device["heating_until"] and rng.random() < 0.001:
            device["heating_until"] = now_ms + rng.randrange(240_000, 900_000)
        target = 11.0 if now_ms < device["heating_until"] else 0.0
        device["warmer"] += (target - device["warmer"]) * 0.08
        device["battery"] = max(1.0, device["battery"] - 0.01)
        reading = {"device_id": device["id"], "temperature": round(device["usual"] + device["warmer"] + rng.gauss(0, 0.4), 2),
                   "battery": int(device["battery"]), "ts": sql_time(now_ms)}
        # One in five is sent again until it gets through, up to 50 s later.
        late = rng.randrange(50_000) if rng.random() < 0.2 else 0
        heapq.heappush(self.delayed, (now_ms + late, self.count, Record("readings", device["id"], reading)))
        yield from self.arrived(now_ms)

    def arrived(self, now_ms):
        while self.delayed and self.delayed[0][0] <= now_ms:
            yield heapq.heappop(self.delayed)[2]

    def end(self, now_ms):
        return self.arrived(now_ms + 60_000)


if __name__ == "__main__":
    player.main(Sensors, __doc__)
