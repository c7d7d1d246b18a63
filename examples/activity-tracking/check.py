#!/usr/bin/env python3
"""Follows each person through the topic `activity` in plain Python, and compares.

  check.py --bootstrap 127.0.0.1:9092 --files OUT --show 5"""
import collections
import datetime
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from stage import results  # noqa: E402

RESULTS = {
    "visits": results.InParquet("visits", ["user_id", "visit_start", "last_action", "actions", "kinds", "platforms", "minutes", "visit_date"]),
    "activations": results.InTopic("activations", ["user_id", "signed_up", "first_project", "first_invitation", "actions_between", "minutes"]),
    "last_seen": results.InUpsertTopic("last-seen", ["user_id", "action", "platform", "ts"]),
    "active_users": results.InTopic("active-users", ["window_start", "window_end", "users", "on_phones", "workers", "actions"]),
}
MINUTE = datetime.timedelta(minutes=1)


def minutes(begin, end):
    return int((end - begin) / MINUTE)


def visits(actions):
    visit = []
    for action in actions:
        if visit and action["ts"] - visit[-1]["ts"] > 15 * MINUTE:
            yield visit
            visit = []
        visit.append(action)
    yield visit


def activation(actions):
    """The sign-up is a person's first action: from there the first project, from there the first invitation."""
    if actions[0]["action"] != "sign_up":
        return None
    begun = actions[0]["ts"]
    project = next((i for i, action in enumerate(actions) if action["action"] == "create_project"), None)
    invitation = next((i for i, action in enumerate(actions) if project is not None and i > project and action["action"] == "invite"), None)
    if invitation is None or actions[invitation]["ts"] - begun >= 24 * 60 * MINUTE:
        return None
    end = actions[invitation]["ts"]
    return begun, actions[project]["ts"], end, invitation - 2, minutes(begun, end)


def expected(world):
    people, windows = collections.defaultdict(list), collections.defaultdict(list)
    for action in world.values("activity"):
        people[action["user_id"]].append(action)
        floor = action["ts"].replace(minute=action["ts"].minute // 5 * 5, second=0, microsecond=0)
        for start in (floor, floor - 5 * MINUTE, floor - 10 * MINUTE):
            windows[start].append(action)
    want = {name: [] for name in RESULTS}
    for user, actions in people.items():
        actions.sort(key=lambda action: action["ts"])
        for visit in visits(actions):
            first, last = visit[0]["ts"], visit[-1]["ts"]
            want["visits"].append((user, first, last, len(visit), len({a["action"] for a in visit}), len({a["platform"] for a in visit}),
                                   minutes(first, last), f"{first:%Y-%m-%d}"))
        activated = activation(actions)
        if activated:
            want["activations"].append((user, *activated))
        want["last_seen"].append((user, actions[-1]["action"], actions[-1]["platform"], actions[-1]["ts"]))
    for start, actions in windows.items():
        want["active_users"].append((
            start, start + 15 * MINUTE, len({a["user_id"] for a in actions}), len({a["user_id"] for a in actions if a["platform"] != "web"}),
            len({a["user_id"] for a in actions if a["action"] != "open"}), len(actions)))
    return want


if __name__ == "__main__":
    results.main(RESULTS, expected, __doc__)
