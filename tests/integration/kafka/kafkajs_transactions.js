// Commits one transaction with an offset, aborts another: node kafkajs_transactions.js HOST:PORT TOPIC GROUP
const { Kafka, logLevel } = require("kafkajs");

async function main() {
  const [broker, topic, group] = process.argv.slice(2);
  const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ transactionalId: "js-" + topic, maxInFlightRequests: 1, idempotent: true });
  await producer.connect();
  for (const outcome of ["commit", "abort"]) {
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ value: outcome }] });
    const offset = outcome === "commit" ? "1" : "2";
    await transaction.sendOffsets({ consumerGroupId: group, topics: [{ topic, partitions: [{ partition: 0, offset }] }] });
    await transaction[outcome]();
  }
  await producer.disconnect();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
