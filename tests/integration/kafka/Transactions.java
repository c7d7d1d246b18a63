// Transactions with the Java client. Run: java -cp 'KAFKA/libs/*' Transactions.java BOOTSTRAP SOURCE TARGET GROUP ID
// Both topics have two partitions. Prints what a test compares.
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;

public class Transactions {
  static String bootstrap;

  static KafkaProducer<String, String> producer(String id) {
    var producer = new KafkaProducer<String, String>(Map.of("bootstrap.servers", bootstrap, "transactional.id", id),
        new StringSerializer(), new StringSerializer());
    producer.initTransactions();
    return producer;
  }

  static KafkaConsumer<String, String> consumer(String group, String isolation) {
    return new KafkaConsumer<>(Map.of("bootstrap.servers", bootstrap, "group.id", group, "isolation.level", isolation,
        "auto.offset.reset", "earliest", "enable.auto.commit", "false"), new StringDeserializer(), new StringDeserializer());
  }

  static List<TopicPartition> partitions(String topic) {
    return List.of(new TopicPartition(topic, 0), new TopicPartition(topic, 1));
  }

  static int count(String topic, String isolation) {
    try (var consumer = consumer(UUID.randomUUID().toString(), isolation)) {
      consumer.assign(partitions(topic));
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions(topic));
      int count = 0;
      while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
        count += consumer.poll(Duration.ofMillis(200)).count();
      }
      return count;
    }
  }

  static void send(KafkaProducer<String, String> producer, String topic, int count) {
    for (int i = 0; i < count; i++) producer.send(new ProducerRecord<>(topic, i % 2, "k", "v" + i));
  }

  public static void main(String[] args) {
    bootstrap = args[0];
    String source = args[1], target = args[2], group = args[3], id = args[4];
    var first = producer(id);
    for (boolean commit : new boolean[] {true, false}) {
      first.beginTransaction();
      send(first, source, 10);
      first.flush();
      if (commit) first.commitTransaction(); else first.abortTransaction();
    }
    System.out.println("committed:" + count(source, "read_committed"));
    System.out.println("uncommitted:" + count(source, "read_uncommitted"));

    // Consume, transform, produce, until all is copied.
    try (var consumer = consumer(group, "read_committed")) {
      consumer.subscribe(List.of(source));
      int copied = 0;
      while (copied < 10) {
        ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
        if (records.isEmpty()) continue;
        first.beginTransaction();
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (var record : records) {
          first.send(new ProducerRecord<>(target, record.partition(), record.key(), record.value() + "!"));
          offsets.put(new TopicPartition(source, record.partition()), new OffsetAndMetadata(record.offset() + 1));
        }
        first.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
        first.commitTransaction();
        copied += records.count();
      }
      var committed = consumer.committed(new HashSet<>(partitions(source)));
      System.out.println("offsets:" + committed.values().stream().mapToLong(OffsetAndMetadata::offset).sum());
    }

    // A second producer of the same id fences the first, which has a transaction open.
    first.beginTransaction();
    send(first, target, 4);
    first.flush();
    var second = producer(id);
    boolean fenced = false;
    try {
      first.commitTransaction();
    } catch (ProducerFencedException | InvalidProducerEpochException error) {
      fenced = true;
    } catch (KafkaException error) {
      fenced = error.getCause() instanceof ProducerFencedException;
    }
    System.out.println("fenced:" + fenced);
    first.close(Duration.ZERO);
    second.beginTransaction();
    second.abortTransaction();
    second.close();
    System.out.println("copied:" + count(target, "read_committed"));
  }
}
