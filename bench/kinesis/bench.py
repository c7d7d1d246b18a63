#!/usr/bin/env python3
"""PutRecords of 500 x 1 KB from 8 connections, then GetRecords of all of it, on a node and on kinesalite in the same run. Prints a JSON line
for each: records/s and MB (of data) per CPU second of the server. Usage: .deps/venv/bin/python bench/kinesis/bench.py [calls of a connection]"""
import base64
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BINARY = os.environ.get("MAINSTEM_BINARY", os.path.join(ROOT, "build/src/cli/mainstem"))
HEADERS = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Date": "20260101T000000Z",
           "Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=b"}
CONNECTIONS, RECORDS, BYTES, SHARDS = 8, 500, 1024, 4


class Server:
    def __init__(self, name):
        self.name, self.folder = name, tempfile.mkdtemp(prefix="kinesis-bench-")
        if name == "mainstem":
            command = [BINARY, "serve", "--json", "--data", self.folder, "--kafka-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0",
                       "--aws-listen", "127.0.0.1:0"]
        else:
            command = ["node", os.path.join(ROOT, "tests/integration/aws/kinesalite.js")]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ, NODE_PATH=os.path.join(ROOT, ".deps/clients/node_modules")))
        line = self.process.stdout.readline()
        self.address = json.loads(line)["aws"] if name == "mainstem" else f"127.0.0.1:{int(line)}"

    def cpu(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


def call(connection, operation, body):
    connection.request("POST", "/", body if isinstance(body, bytes) else json.dumps(body), dict(HEADERS, **{"X-Amz-Target": "Kinesis_20131202." + operation}))
    response = connection.getresponse()
    answer = response.read()
    assert response.status == 200, answer[:300]
    return answer


def text_member(answer, name):
    begin = answer.find(b'"' + name + b'":"')
    return "" if begin < 0 else answer[begin + len(name) + 4:answer.index(b'"', begin + len(name) + 4)].decode()


def put_all(server, calls):
    body = json.dumps({"StreamName": "bench", "Records": [{"Data": base64.b64encode(os.urandom(BYTES)).decode(), "PartitionKey": f"key-{i}"}
                                                           for i in range(RECORDS)]}).encode()

    def work():
        connection = http.client.HTTPConnection(server.address)
        for _ in range(calls):
            call(connection, "PutRecords", body)
    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return CONNECTIONS * calls * RECORDS


def get_all(server):
    connection, count = http.client.HTTPConnection(server.address), 0
    for shard in range(SHARDS):
        position = text_member(call(connection, "GetShardIterator", {"StreamName": "bench", "ShardId": f"shardId-{shard:012}",
                                                                     "ShardIteratorType": "TRIM_HORIZON"}), b"ShardIterator")
        while True:
            page = call(connection, "GetRecords", {"ShardIterator": position})
            records = page.count(b'"SequenceNumber"')
            count, position = count + records, text_member(page, b"NextShardIterator")
            if records == 0:
                break
    return count


def measure(server, what, function, *arguments):
    begin, cpu = time.monotonic(), server.cpu()
    count = function(server, *arguments)
    seconds, cpu = time.monotonic() - begin, server.cpu() - cpu
    print(json.dumps({"server": server.name, "what": what, "records": count, "records_per_s": round(count / seconds),
                      "mb_per_cpu_s": round(count * BYTES / 1e6 / max(cpu, 0.01)), "seconds": round(seconds, 2)}), flush=True)
    return count


def main():
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    for name in ("mainstem", "kinesalite"):
        server = Server(name)
        call(http.client.HTTPConnection(server.address), "CreateStream", {"StreamName": "bench", "ShardCount": SHARDS})
        time.sleep(0.2)
        put = measure(server, "PutRecords", put_all, calls if name == "mainstem" else max(calls // 15, 1))
        assert measure(server, "GetRecords", get_all) == put
        server.stop()


if __name__ == "__main__":
    main()
