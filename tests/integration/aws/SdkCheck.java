// Amazon's SDK for Java 2 on a node: its synchronous client, which sends and reads CBOR, and its asynchronous one, which puts records
// and is pushed them, over HTTP/2 as it does by itself, and over HTTP/1.1; where https is given, too, over TLS.
// Usage: java -cp 'libs/*' SdkCheck.java http://127.0.0.1:4567 [https://..]; prints what it checked, or fails.
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.*;
import software.amazon.awssdk.services.kinesis.model.Record;

public class SdkCheck {
  static int checks = 0;

  static void check(boolean good, Object what) {
    ++checks;
    if (!good) throw new AssertionError(what);
  }

  static SdkBytes bytes(String text) {
    return SdkBytes.fromUtf8String(text);
  }

  // The content types that were sent and came back.
  static class ContentTypes implements ExecutionInterceptor {
    final List<String> sent = new CopyOnWriteArrayList<>();
    final List<String> received = new CopyOnWriteArrayList<>();

    @Override
    public void beforeTransmission(Context.BeforeTransmission context, ExecutionAttributes attributes) {
      sent.add(context.httpRequest().firstMatchingHeader("Content-Type").orElse(""));
    }

    @Override
    public void afterTransmission(Context.AfterTransmission context, ExecutionAttributes attributes) {
      received.add(context.httpResponse().firstMatchingHeader("Content-Type").orElse(""));
    }
  }

  static List<Record> read(KinesisClient kinesis, GetShardIteratorRequest request) {
    List<Record> records = new ArrayList<>();
    String position = kinesis.getShardIterator(request).shardIterator();
    while (true) {
      GetRecordsResponse page = kinesis.getRecords(r -> r.shardIterator(position));
      records.addAll(page.records());
      if (page.millisBehindLatest() == 0) return records;
      throw new AssertionError("more pages than expected");
    }
  }

  static void checkSync(URI endpoint, StaticCredentialsProvider keys) {
    ContentTypes types = new ContentTypes();
    try (KinesisClient kinesis = KinesisClient.builder().endpointOverride(endpoint).region(Region.EU_WEST_1).credentialsProvider(keys)
        .httpClient(UrlConnectionHttpClient.create()).overrideConfiguration(c -> c.addExecutionInterceptor(types)).build()) {
      Instant begin = Instant.now().minusSeconds(1);
      kinesis.createStream(r -> r.streamName("java").shardCount(2).tags(Map.of("a", "b")));
      kinesis.waiter().waitUntilStreamExists(r -> r.streamName("java"));
      StreamDescriptionSummary summary = kinesis.describeStreamSummary(r -> r.streamName("java")).streamDescriptionSummary();
      check(summary.openShardCount() == 2 && summary.streamStatus() == StreamStatus.ACTIVE, summary);
      check(summary.streamCreationTimestamp().isAfter(begin) && summary.streamCreationTimestamp().isBefore(Instant.now().plusSeconds(1)), summary);

      byte[] all = new byte[256];
      for (int i = 0; i < 256; ++i) all[i] = (byte) i;
      List<PutRecordsRequestEntry> entries = new ArrayList<>();
      for (int i = 0; i < 100; ++i) {
        entries.add(PutRecordsRequestEntry.builder().data(SdkBytes.fromByteArray(all)).partitionKey("ключ" + i).explicitHashKey("0").build());
      }
      PutRecordsResponse put = kinesis.putRecords(r -> r.streamName("java").records(entries));
      check(put.failedRecordCount() == 0 && put.records().size() == 100, put);
      String first = put.records().get(0).sequenceNumber();
      List<Record> records = read(kinesis, GetShardIteratorRequest.builder().streamName("java").shardId("shardId-000000000000")
          .shardIteratorType(ShardIteratorType.TRIM_HORIZON).build());
      check(records.size() == 100, records.size());
      check(java.util.Arrays.equals(records.get(7).data().asByteArray(), all) && records.get(7).partitionKey().equals("ключ7"), records.get(7));
      check(records.get(7).sequenceNumber().equals(put.records().get(7).sequenceNumber()), records.get(7));
      check(records.get(7).approximateArrivalTimestamp().isAfter(begin), records.get(7));
      check(read(kinesis, GetShardIteratorRequest.builder().streamName("java").shardId("shardId-000000000000").shardIteratorType("AFTER_SEQUENCE_NUMBER")
          .startingSequenceNumber(first).build()).size() == 99, "after");
      check(read(kinesis, GetShardIteratorRequest.builder().streamName("java").shardId("shardId-000000000000").shardIteratorType("AT_TIMESTAMP")
          .timestamp(records.get(0).approximateArrivalTimestamp()).build()).size() == 100, "at time");
      check(kinesis.listTagsForStream(r -> r.streamName("java")).tags().get(0).value().equals("b"), "tags");

      kinesis.splitShard(r -> r.streamName("java").shardToSplit("shardId-000000000000").newStartingHashKey("1000"));
      List<Shard> shards = kinesis.listShards(r -> r.streamName("java")).shards();
      check(shards.size() == 4 && "shardId-000000000000".equals(shards.get(3).parentShardId()), shards);
      GetRecordsResponse end = kinesis.getRecords(r -> r.shardIterator(kinesis.getShardIterator(i -> i.streamName("java").shardId("shardId-000000000000")
          .shardIteratorType("LATEST")).shardIterator()));
      check(end.nextShardIterator() == null && end.childShards().size() == 2, end);
      try {
        kinesis.describeStream(r -> r.streamName("unknown"));
        check(false, "an unknown stream");
      } catch (ResourceNotFoundException error) {
        check(error.awsErrorDetails().errorMessage().equals("Stream unknown under account 000000000000 not found."), error);
      }
      try {
        kinesis.getRecords(r -> r.shardIterator("garbage"));
        check(false, "a wrong iterator");
      } catch (InvalidArgumentException error) {
        check(error.awsErrorDetails().errorMessage().equals("Invalid ShardIterator."), error);
      }
      check(types.sent.stream().allMatch("application/x-amz-cbor-1.1"::equals), types.sent);
      check(types.received.stream().allMatch("application/x-amz-cbor-1.1"::equals), types.received);
    }
  }

  // The protocol null: what the client takes by itself.
  static void checkSubscription(URI endpoint, StaticCredentialsProvider keys, Protocol protocol, String name) throws Exception {
    NettyNioAsyncHttpClient.Builder http = NettyNioAsyncHttpClient.builder().readTimeout(Duration.ofSeconds(60));
    if (protocol != null) http.protocol(protocol);
    try (KinesisAsyncClient kinesis = KinesisAsyncClient.builder().endpointOverride(endpoint).region(Region.EU_WEST_1).credentialsProvider(keys)
        .httpClientBuilder(http).build()) {
      String arn = kinesis.describeStreamSummary(r -> r.streamName("java")).get().streamDescriptionSummary().streamARN();
      String consumer = kinesis.registerStreamConsumer(r -> r.streamARN(arn).consumerName(name)).get().consumer().consumerARN();
      List<String> pushed = new CopyOnWriteArrayList<>();
      AtomicReference<String> place = new AtomicReference<>();
      CompletableFuture<Void> subscribed = new CompletableFuture<>();
      SubscribeToShardResponseHandler handler = SubscribeToShardResponseHandler.builder().onResponse(r -> subscribed.complete(null))
          .subscriber(event -> {
        SubscribeToShardEvent records = (SubscribeToShardEvent) event;
        records.records().forEach(record -> pushed.add(record.data().asString(StandardCharsets.UTF_8)));
        place.set(records.continuationSequenceNumber());
      }).build();
      CompletableFuture<Void> subscription = kinesis.subscribeToShard(r -> r.consumerARN(consumer).shardId("shardId-000000000001")
          .startingPosition(p -> p.type(ShardIteratorType.LATEST)), handler);
      subscribed.get(20, TimeUnit.SECONDS);
      List<CompletableFuture<PutRecordsResponse>> puts = new ArrayList<>();
      List<String> sent = new ArrayList<>();
      for (int i = 0; i < 20; ++i) {
        List<PutRecordsRequestEntry> entries = new ArrayList<>();
        for (int j = 0; j < 50; ++j) {
          String data = name + " " + i + " " + j + "x".repeat(2000);
          sent.add(data);
          entries.add(PutRecordsRequestEntry.builder().data(bytes(data)).partitionKey("p")
              .explicitHashKey("340282366920938463463374607431768211455").build());
        }
        puts.add(kinesis.putRecords(r -> r.streamName("java").records(entries)));
        if (i % 5 == 4) {  // five at a time
          for (CompletableFuture<PutRecordsResponse> put : puts) {
            check(put.get(20, TimeUnit.SECONDS).failedRecordCount() == 0, put);
          }
          puts.clear();
        }
      }
      long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
      while (pushed.size() < 1000 && System.nanoTime() < until && !subscription.isDone()) Thread.sleep(1);
      check(pushed.size() == 1000 && new java.util.HashSet<>(sent).equals(new java.util.HashSet<>(pushed)), pushed.size());
      check(place.get() != null, "a place to go on from");
      subscription.cancel(true);
      check(kinesis.listShards(r -> r.streamName("java")).get().shards().size() == 4, "after the subscription");
    }
  }

  public static void main(String[] arguments) throws Exception {
    URI endpoint = URI.create(arguments[0]);
    StaticCredentialsProvider keys = StaticCredentialsProvider.create(AwsBasicCredentials.create("AKIDJAVA", "secret"));
    checkSync(endpoint, keys);
    checkSubscription(endpoint, keys, null, "as-it-is");
    checkSubscription(endpoint, keys, Protocol.HTTP1_1, "http1");
    if (arguments.length > 1) checkSubscription(URI.create(arguments[1]), keys, null, "over-tls");
    System.out.println(checks + " checks");
    System.exit(0);
  }
}
