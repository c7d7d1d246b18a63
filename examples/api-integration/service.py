#!/usr/bin/env python3
"""A web service that takes orders: it checks their form, hands them over to the node by HTTP and answers when they are durable; what
is decided about them it learns by following a topic.

  POST /orders {"customer_id": 18, "amount": 30.5, "note": "as a present"}   → 202 {"order_id": ..}
  GET  /orders/ID                                                            → {"order_id": .., "decision": .., "reason": ..}"""
import http.server
import json
import threading
import urllib.error
import urllib.request
import uuid

from follow import follow


class Orders:
    def __init__(self, node):
        self.node, self.decisions = node, {}
        threading.Thread(target=self.learn, daemon=True).start()

    def learn(self):
        for event in follow(self.node, "order-decisions", "earliest"):
            self.decisions[event["value"]["order_id"]] = event["value"]

    def take(self, order):
        """(status, answer) for an order as it was posted."""
        if not isinstance(order, dict) or not isinstance(order.get("customer_id"), int) or not isinstance(order.get("amount"), (int, float)) \
                or order["amount"] <= 0:
            return 400, {"error": "an order has a customer_id and an amount above 0"}
        order_id = order.get("order_id") or uuid.uuid4().hex[:12]
        event = {"order_id": order_id, "customer_id": order["customer_id"], "amount": order["amount"], "note": order.get("note")}
        request = urllib.request.Request(f"{self.node}/v1/topics/orders/events?key-field=customer_id", data=json.dumps(event).encode(),
                                         headers={"Content-Type": "application/json"})
        try:
            urllib.request.urlopen(request, timeout=30).read()   # the answer comes when the event survives a power cut
        except urllib.error.HTTPError as error:
            return 503, {"error": json.loads(error.read())["error"]["message"]}
        except OSError:
            return 503, {"error": "the node is away: try again"}
        return 202, {"order_id": order_id, "follow": f"/orders/{order_id}"}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    orders = None

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            order = json.loads(text)
        except ValueError:
            order = None
        self.answer(*self.orders.take(order) if self.path == "/orders" else (404, {"error": "POST /orders"}))

    def do_GET(self):
        order_id = self.path.removeprefix("/orders/")
        decision = self.orders.decisions.get(order_id)
        self.answer(200, decision or {"order_id": order_id, "decision": "pending", "reason": None})

    def log_message(self, *_):
        pass


def start(node, port=0):
    """The address of a service that runs in threads of its own."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), type("OrderHandler", (Handler,), {"orders": Orders(node)}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"
