// Sends 500 messages with KafkaJS and reads them in a group: node kafkajs_roundtrip.js HOST:PORT TOPIC
const { Kafka, logLevel } = require("kafkajs");
const [broker, topic] = process.argv.slice(2);
const kafka = new Kafka({ clientId: "roundtrip", brokers: [broker], logLevel: logLevel.ERROR });

async function main() {
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 3 }] });
  const producer = kafka.producer({ idempotent: true });
  await producer.connect();
  const messages = Array.from({ length: 500 }, (_, i) => ({ key: String(i), value: `value ${i}` }));
  await producer.send({ topic, messages });
  await producer.disconnect();

  const consumer = kafka.consumer({ groupId: topic + "-group" });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const seen = new Set();
  await new Promise((resolve, reject) => {
    const patience = setTimeout(() => reject(new Error(`only ${seen.size} messages came`)), 30000);
    consumer.run({
      eachMessage: async ({ message }) => {
        seen.add(message.value.toString());
        if (seen.size === messages.length) { clearTimeout(patience); resolve(); }
      },
    });
  });
  await consumer.disconnect();
  await admin.deleteTopics({ topics: [topic] });
  await admin.disconnect();
  console.log(seen.size);
}
main().catch((error) => { console.error(error); process.exit(1); });
