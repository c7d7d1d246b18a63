// Calls each method of Java's Admin once: prints name<TAB>works, or name<TAB>the error's class. A method that is not listed here is an error.
// Run: java -cp 'KAFKA/libs/*' AdminCalls.java HOST:PORT
import java.lang.reflect.Modifier;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.acl.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.quota.*;
import org.apache.kafka.common.resource.*;
import org.apache.kafka.common.serialization.*;

@SuppressWarnings({"deprecation", "removal"})
public class AdminCalls {
  interface Call {
    Object go() throws Exception; // a KafkaFuture is waited for
  }

  static final Map<String, Call> CALLS = new LinkedHashMap<>();
  static final TopicPartition FIRST = new TopicPartition("calls", 0);
  static final ConfigResource TOPIC = new ConfigResource(ConfigResource.Type.TOPIC, "calls");
  // Nobody calls these to ask the broker something.
  static final Set<String> LOCAL = Set.of("close", "create", "metrics", "registerMetricForSubscription", "unregisterMetricFromSubscription");
  static final AclBinding ACL = new AclBinding(new ResourcePattern(ResourceType.TOPIC, "calls", PatternType.LITERAL),
      new AccessControlEntry("User:a", "*", AclOperation.READ, AclPermissionType.ALLOW));

  static <T> KafkaFuture<Void> check(KafkaFuture<T> future, java.util.function.Predicate<T> isRight) {
    return future.thenApply(value -> {
      if (!isRight.test(value)) throw new IllegalStateException("wrong answer: " + value);
      return null;
    });
  }

  static void list(Admin admin, String address) {
    Collection<String> topic = List.of("calls"), group = List.of("group");
    CALLS.put("createTopics", () -> admin.createTopics(List.of(new NewTopic("calls", 2, (short) 1), new NewTopic("second", 1, (short) 1))).all());
    CALLS.put("listTopics", () -> check(admin.listTopics().names(), names -> names.contains("calls")));
    CALLS.put("describeTopics", () -> check(admin.describeTopics(topic).allTopicNames(), found -> found.get("calls").partitions().size() == 2));
    CALLS.put("createPartitions", () -> admin.createPartitions(Map.of("calls", NewPartitions.increaseTo(3))).all());
    CALLS.put("describeCluster", () -> check(admin.describeCluster().nodes(), nodes -> nodes.size() == 1));
    CALLS.put("describeConfigs", () -> check(admin.describeConfigs(List.of(TOPIC)).all(), found -> found.get(TOPIC).get("retention.ms").value().equals("604800000")));
    CALLS.put("incrementalAlterConfigs", () -> admin.incrementalAlterConfigs(
        Map.of(TOPIC, List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "1000000"), AlterConfigOp.OpType.SET)))).all());
    CALLS.put("listConfigResources", () -> check(admin.listConfigResources().all(), found -> found.contains(TOPIC)));
    CALLS.put("listClientMetricsResources", () -> check(admin.listClientMetricsResources().all(), Collection::isEmpty));
    CALLS.put("listOffsets", () -> check(admin.listOffsets(Map.of(FIRST, OffsetSpec.latest())).all(), found -> found.get(FIRST).offset() == 10));
    CALLS.put("deleteRecords", () -> check(admin.deleteRecords(Map.of(FIRST, RecordsToDelete.beforeOffset(4))).lowWatermarks().get(FIRST),
        deleted -> deleted.lowWatermark() == 4));
    CALLS.put("describeLogDirs", () -> check(admin.describeLogDirs(List.of(1)).allDescriptions(), found -> found.get(1).size() == 1));
    CALLS.put("describeReplicaLogDirs", () -> {
      TopicPartitionReplica replica = new TopicPartitionReplica("calls", 0, 1);
      return check(admin.describeReplicaLogDirs(List.of(replica)).all(), found -> found.get(replica).getCurrentReplicaLogDir() != null);
    });
    CALLS.put("alterReplicaLogDirs", () -> admin.alterReplicaLogDirs(Map.of(new TopicPartitionReplica("calls", 0, 1), "/elsewhere")).all());

    CALLS.put("alterConsumerGroupOffsets", () -> admin.alterConsumerGroupOffsets("group", Map.of(FIRST, new OffsetAndMetadata(5),
        new TopicPartition("calls", 1), new OffsetAndMetadata(0))).all());
    CALLS.put("listGroups", () -> check(admin.listGroups().all(), found -> found.stream().anyMatch(one -> one.groupId().equals("group"))));
    CALLS.put("listConsumerGroups", () -> check(admin.listConsumerGroups().all(), found -> found.stream().anyMatch(one -> one.groupId().equals("group"))));
    CALLS.put("describeConsumerGroups", () -> check(admin.describeConsumerGroups(List.of("live")).all(), found -> found.get("live").members().size() == 1));
    CALLS.put("describeClassicGroups", () -> check(admin.describeClassicGroups(List.of("live")).all(), found -> found.get("live").members().size() == 1));
    CALLS.put("listConsumerGroupOffsets", () -> check(admin.listConsumerGroupOffsets("group").partitionsToOffsetAndMetadata(),
        found -> found.get(FIRST).offset() == 5));
    CALLS.put("deleteConsumerGroupOffsets", () -> admin.deleteConsumerGroupOffsets("group", Set.of(FIRST)).all());
    CALLS.put("removeMembersFromConsumerGroup", () -> admin.removeMembersFromConsumerGroup("live", new RemoveMembersFromConsumerGroupOptions()).all());
    CALLS.put("deleteConsumerGroups", () -> admin.deleteConsumerGroups(group).all());
    CALLS.put("describeShareGroups", () -> admin.describeShareGroups(group).all());
    CALLS.put("listShareGroupOffsets", () -> admin.listShareGroupOffsets(Map.of("group", new ListShareGroupOffsetsSpec())).all());
    CALLS.put("alterShareGroupOffsets", () -> admin.alterShareGroupOffsets("group", Map.of(FIRST, 0L)).all());
    CALLS.put("deleteShareGroupOffsets", () -> admin.deleteShareGroupOffsets("group", Set.of("calls")).all());
    CALLS.put("deleteShareGroups", () -> admin.deleteShareGroups(group).all());
    CALLS.put("describeStreamsGroups", () -> admin.describeStreamsGroups(group).all());
    CALLS.put("listStreamsGroupOffsets", () -> admin.listStreamsGroupOffsets(Map.of("group", new ListStreamsGroupOffsetsSpec())).all());
    CALLS.put("alterStreamsGroupOffsets", () -> admin.alterStreamsGroupOffsets("group", Map.of(FIRST, new OffsetAndMetadata(1))).all());
    CALLS.put("deleteStreamsGroupOffsets", () -> admin.deleteStreamsGroupOffsets("group", Set.of(FIRST)).all());
    CALLS.put("deleteStreamsGroups", () -> admin.deleteStreamsGroups(group).all());

    CALLS.put("describeProducers", () -> check(admin.describeProducers(Set.of(FIRST)).all(), found -> !found.get(FIRST).activeProducers().isEmpty()));
    CALLS.put("listTransactions", () -> check(admin.listTransactions().all(),
        found -> found.stream().anyMatch(one -> one.transactionalId().equals("open") && one.state() == TransactionState.ONGOING)));
    CALLS.put("describeTransactions", () -> check(admin.describeTransactions(Set.of("open")).all(),
        found -> found.get("open").topicPartitions().contains(FIRST)));
    CALLS.put("abortTransaction", () -> {
      TransactionDescription open = admin.describeTransactions(Set.of("open")).all().get().get("open");
      return admin.abortTransaction(new AbortTransactionSpec(FIRST, open.producerId(), (short) open.producerEpoch(), open.coordinatorId())).all();
    });
    CALLS.put("forceTerminateTransaction", () -> admin.forceTerminateTransaction("other").result());
    CALLS.put("fenceProducers", () -> admin.fenceProducers(Set.of("open")).all());

    CALLS.put("electLeaders", () -> check(admin.electLeaders(ElectionType.PREFERRED, null).partitions(), Map::isEmpty));
    CALLS.put("alterPartitionReassignments", () -> admin.alterPartitionReassignments(
        Map.of(FIRST, Optional.of(new NewPartitionReassignment(List.of(1))))).all());
    CALLS.put("listPartitionReassignments", () -> check(admin.listPartitionReassignments().reassignments(), Map::isEmpty));
    CALLS.put("describeFeatures", () -> check(admin.describeFeatures().featureMetadata(), found -> found.finalizedFeatures().containsKey("transaction.version")));
    CALLS.put("updateFeatures", () -> admin.updateFeatures(
        Map.of("transaction.version", new FeatureUpdate((short) 1, FeatureUpdate.UpgradeType.UNSAFE_DOWNGRADE)), new UpdateFeaturesOptions()).all());
    CALLS.put("describeMetadataQuorum", () -> admin.describeMetadataQuorum().quorumInfo());
    CALLS.put("addRaftVoter", () -> admin.addRaftVoter(2, Uuid.randomUuid(), Set.of(new RaftVoterEndpoint("CONTROLLER", "127.0.0.1", 1))).all());
    CALLS.put("removeRaftVoter", () -> admin.removeRaftVoter(2, Uuid.randomUuid()).all());
    CALLS.put("unregisterBroker", () -> admin.unregisterBroker(7).all());
    CALLS.put("clientInstanceId", () -> admin.clientInstanceId(Duration.ofSeconds(5)));

    CALLS.put("describeAcls", () -> admin.describeAcls(AclBindingFilter.ANY).values());
    CALLS.put("createAcls", () -> admin.createAcls(List.of(ACL)).all());
    CALLS.put("deleteAcls", () -> admin.deleteAcls(List.of(ACL.toFilter())).all());
    CALLS.put("describeClientQuotas", () -> check(admin.describeClientQuotas(ClientQuotaFilter.all()).entities(), Map::isEmpty));
    CALLS.put("alterClientQuotas", () -> admin.alterClientQuotas(List.of(new ClientQuotaAlteration(
        new ClientQuotaEntity(Map.of(ClientQuotaEntity.CLIENT_ID, "c")), List.of(new ClientQuotaAlteration.Op("producer_byte_rate", 1.0))))).all());
    CALLS.put("describeUserScramCredentials", () -> check(admin.describeUserScramCredentials().all(), Map::isEmpty));
    CALLS.put("alterUserScramCredentials", () -> admin.alterUserScramCredentials(List.of(
        new UserScramCredentialUpsertion("a", new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096), "secret"))).all());
    CALLS.put("createDelegationToken", () -> admin.createDelegationToken().delegationToken());
    CALLS.put("describeDelegationToken", () -> admin.describeDelegationToken().delegationTokens());
    CALLS.put("renewDelegationToken", () -> admin.renewDelegationToken(new byte[] {1}).expiryTimestamp());
    CALLS.put("expireDelegationToken", () -> admin.expireDelegationToken(new byte[] {1}).expiryTimestamp());
    CALLS.put("deleteTopics", () -> admin.deleteTopics(List.of("second")).all());
  }

  static String outcome(Call call) {
    try {
      Object result = call.go();
      if (result instanceof KafkaFuture<?> future) future.get(60, TimeUnit.SECONDS);
      return result == null || Uuid.ZERO_UUID.equals(result) ? "none" : "works";
    } catch (ExecutionException e) {
      return e.getCause() instanceof IllegalStateException ? e.getCause().getMessage() : e.getCause().getClass().getSimpleName();
    } catch (Exception e) {
      return e.getClass().getSimpleName();
    }
  }

  static KafkaProducer<byte[], byte[]> begin(String address, String id) {
    KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(Map.of("bootstrap.servers", address, "transactional.id", id),
        new ByteArraySerializer(), new ByteArraySerializer());
    producer.initTransactions();
    producer.beginTransaction();
    producer.send(new ProducerRecord<>("calls", 0, null, new byte[] {1}));
    producer.flush();
    return producer;
  }

  public static void main(String[] arguments) throws Exception {
    String address = arguments[0];
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", address, "enable.metrics.push", true))) {
      list(admin, address);
      Set<String> methods = new TreeSet<>();
      for (var method : Admin.class.getMethods()) {
        if (!Modifier.isStatic(method.getModifiers())) methods.add(method.getName());
      }
      methods.removeAll(LOCAL);
      if (!methods.equals(new TreeSet<>(CALLS.keySet()))) {
        Set<String> missing = new TreeSet<>(methods), unknown = new TreeSet<>(CALLS.keySet());
        missing.removeAll(CALLS.keySet());
        unknown.removeAll(methods);
        throw new IllegalStateException("not listed: " + missing + ", no such call: " + unknown);
      }
      System.out.println("createTopics\t" + outcome(CALLS.remove("createTopics")));
      try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(Map.of("bootstrap.servers", address), new ByteArraySerializer(),
              new ByteArraySerializer());
          KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(Map.of("bootstrap.servers", address, "group.id", "live"),
              new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
        for (int i = 0; i < 8; ++i) producer.send(new ProducerRecord<>("calls", 0, null, new byte[] {1})).get();
        consumer.subscribe(List.of("second"));
        while (consumer.assignment().isEmpty()) consumer.poll(Duration.ofMillis(50));
        KafkaProducer<byte[], byte[]> open = begin(address, "open"), other = begin(address, "other");
        for (var entry : CALLS.entrySet()) System.out.println(entry.getKey() + "\t" + outcome(entry.getValue()));
        for (var one : List.of(open, other)) one.close(Duration.ZERO);
      }
    }
  }
}
