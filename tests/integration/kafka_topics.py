"""Topics of any broker of Kafka's protocol, by librdkafka: made, filled, and read whole."""
import confluent_kafka
import confluent_kafka.admin as kafka_admin


class Topics:
    def __init__(self, address):
        self.address = address
        self.admin = kafka_admin.AdminClient({"bootstrap.servers": address, "log_level": 0})

    def make(self, name, partitions=1, **config):
        made = self.admin.create_topics([kafka_admin.NewTopic(name, partitions, 1, config={key.replace("_", "."): str(value)
                                                                                           for key, value in config.items()})])
        made[name].result(30)
        return name

    def produce(self, name, messages, transactional_id=None, commits=True):
        """(partition, key, value) each, in one transaction when it has an id."""
        settings = {"bootstrap.servers": self.address, "log_level": 0}
        producer = confluent_kafka.Producer({**settings, "transactional.id": transactional_id} if transactional_id else settings)
        if transactional_id:
            producer.init_transactions(30)
            producer.begin_transaction()
        for partition, key, value in messages:
            producer.produce(name, partition=partition, key=key, value=value)
        assert producer.flush(60) == 0
        if transactional_id:
            producer.commit_transaction(30) if commits else producer.abort_transaction(30)

    def read(self, name, committed=True):
        """The messages of the topic, by partition, as of now."""
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.address, "group.id": "reader", "enable.auto.commit": False,
                                             "isolation.level": "read_committed" if committed else "read_uncommitted",
                                             "enable.partition.eof": True, "auto.offset.reset": "earliest", "log_level": 0})
        try:
            partitions = sorted(consumer.list_topics(name, timeout=30).topics[name].partitions)
            consumer.assign([confluent_kafka.TopicPartition(name, number, confluent_kafka.OFFSET_BEGINNING) for number in partitions])
            found, open_ends = {number: [] for number in partitions}, set(partitions)
            while open_ends:
                message = consumer.poll(60)
                assert message is not None, "the broker fell silent"
                if message.error() is None:
                    found[message.partition()].append(message)
                elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    open_ends.discard(message.partition())
                else:
                    raise confluent_kafka.KafkaException(message.error())
            return found
        finally:
            consumer.close()

    def committed(self, group):
        """{(topic, partition): offset} of the group."""
        asked = confluent_kafka.ConsumerGroupTopicPartitions(group)
        answer = self.admin.list_consumer_group_offsets([asked])[group].result(30)
        return {(found.topic, found.partition): found.offset for found in answer.topic_partitions}
