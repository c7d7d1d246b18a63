#!/usr/bin/env python3
"""People at a task board: they sign up, come back, work, and do it on telephones that send late.

  traffic.py --bootstrap 127.0.0.1:9092 --once      a bounded input: one evening
  traffic.py --bootstrap 127.0.0.1:9092             the last hour and a half, then by the clock, until Ctrl-C"""
import heapq
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from stage import player  # noqa: E402
from stage.player import COMPACTED, Record, Topic, sql_time  # noqa: E402

WORK = ["open", "comment", "complete_task", "create_project", "invite"]


class Board(player.Traffic):
    topics = [Topic("activity", 4), Topic("activations"), Topic("last-seen", 1, COMPACTED), Topic("active-users")]
    steps, span, rate, history = 16000, 6 * 3600, 5, 5400
    start = "2026-03-01 17:30:00"   # over midnight

    def __init__(self, seed):
        self.random, self.users, self.plans, self.order = random.Random(seed), [], [], 0
        for _ in range(300):
            self.new_user()

    def new_user(self):
        rng = self.random
        self.users.append({"id": f"u{len(self.users) + 1:04}", "platforms": rng.choice([["web"], ["web"], ["ios"], ["android"], ["web", "ios"]]),
                           "active_until": 0, "last_ts": 0})
        return self.users[-1]

    def plan_visit(self, user, now_ms, first_actions=()):
        """Actions of a visit at times to come, with pauses that are sometimes longer than a visit lasts."""
        rng, at = self.random, now_ms
        count = len(first_actions) + rng.randrange(1, 9)
        for i in range(count):
            action = first_actions[i] if i < len(first_actions) else rng.choices(WORK, [8, 5, 5, 1, 1])[0]
            late = rng.randrange(45_000) if rng.random() < 0.15 else 0
            platform = rng.choice(user["platforms"])
            user["last_ts"] = ts = max(at, user["last_ts"] + 1)
            self.order += 1
            heapq.heappush(self.plans, (ts + (late if platform != "web" else 0), self.order, Record("activity", user["id"], {
                "user_id": user["id"], "action": action, "platform": platform, "ts": sql_time(ts)})))
            at += int(rng.expovariate(1 / 150_000)) + 500
        user["active_until"] = at

    def step(self, now_ms):
        rng = self.random
        dice = rng.random()
        if dice < 0.03:
            self.plan_visit(self.new_user(), now_ms, ["sign_up", "open", *rng.choice([[], ["create_project"], ["create_project", "invite"]])])
        elif dice < 0.20:
            user = rng.choice(self.users)
            if now_ms > user["active_until"]:
                self.plan_visit(user, now_ms)
        yield from self.sent(now_ms)

    def sent(self, until_ms):
        while self.plans and self.plans[0][0] <= until_ms:
            yield heapq.heappop(self.plans)[2]

    def end(self, now_ms):
        return self.sent(now_ms)


if __name__ == "__main__":
    player.main(Board, __doc__)
