// One worker of Amazon's Kinesis Client Library 3, unmodified: leases, checkpoints and metrics of workers in DynamoDB, records from
// Kinesis, all on one node. Prints a line for each thing that happens: "start SHARD", "record SHARD SEQUENCE DATA", "end SHARD",
// "lost SHARD". Checkpoints after each batch. Ends, gracefully, with its standard input.
// Usage: java -cp 'libs/*' KclWorker.java http://127.0.0.1:4567 STREAM APPLICATION WORKER polling|fan-out
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.common.KinesisClientUtil;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.metrics.NullMetricsFactory;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.retrieval.fanout.FanOutConfig;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

public class KclWorker {
  static synchronized void say(String line) {
    System.out.println(line);
    System.out.flush();
  }

  static class Processor implements ShardRecordProcessor {
    String shard = "";

    static void checkpoint(RecordProcessorCheckpointer checkpointer, String shard) {
      try {
        checkpointer.checkpoint();
      } catch (Exception failure) {
        say("unsaved " + shard + " " + failure);
      }
    }

    @Override
    public void initialize(InitializationInput input) {
      shard = input.shardId();
      say("start " + shard + " " + input.extendedSequenceNumber());
    }

    @Override
    public void processRecords(ProcessRecordsInput input) {
      input.records().forEach(record -> say("record " + shard + " " + record.sequenceNumber() + " " + StandardCharsets.UTF_8.decode(record.data())));
      checkpoint(input.checkpointer(), shard);
    }

    @Override
    public void leaseLost(LeaseLostInput input) {
      say("lost " + shard);
    }

    @Override
    public void shardEnded(ShardEndedInput input) {
      say("end " + shard);
      checkpoint(input.checkpointer(), shard);
    }

    @Override
    public void shutdownRequested(ShutdownRequestedInput input) {
      checkpoint(input.checkpointer(), shard);
    }
  }

  public static void main(String[] arguments) throws Exception {
    URI endpoint = URI.create(arguments[0]);
    String stream = arguments[1];
    String application = arguments[2];
    String worker = arguments[3];
    StaticCredentialsProvider keys = StaticCredentialsProvider.create(AwsBasicCredentials.create("any", "thing"));
    KinesisAsyncClient kinesis = KinesisClientUtil.createKinesisAsyncClient(
        KinesisAsyncClient.builder().endpointOverride(endpoint).region(Region.EU_WEST_1).credentialsProvider(keys));
    DynamoDbAsyncClient tables = DynamoDbAsyncClient.builder().endpointOverride(endpoint).region(Region.EU_WEST_1).credentialsProvider(keys).build();
    CloudWatchAsyncClient metrics = CloudWatchAsyncClient.builder().endpointOverride(endpoint).region(Region.EU_WEST_1).credentialsProvider(keys).build();
    SingleStreamTracker tracker = new SingleStreamTracker(stream, InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON));
    ConfigsBuilder configs = new ConfigsBuilder(tracker, application, kinesis, tables, metrics, worker, Processor::new);
    var retrieval = configs.retrievalConfig();
    if (arguments[4].equals("polling")) {
      retrieval.retrievalSpecificConfig(new PollingConfig(stream, kinesis).idleTimeBetweenReadsInMillis(200));
    } else {
      retrieval.retrievalSpecificConfig(new FanOutConfig(kinesis).streamName(stream).applicationName(application));
    }
    // Leases go over within seconds, so that the test does not wait for minutes.
    var leases = configs.leaseManagementConfig().failoverTimeMillis(3000).shardSyncIntervalMillis(1000).leasesRecoveryAuditorExecutionFrequencyMillis(2000);
    leases.workerUtilizationAwareAssignmentConfig().disableWorkerMetrics(true);
    leases.gracefulLeaseHandoffConfig().isGracefulLeaseHandoffEnabled(false);
    Scheduler scheduler = new Scheduler(configs.checkpointConfig(), configs.coordinatorConfig().parentShardPollIntervalMillis(500)
        .shardConsumerDispatchPollIntervalMillis(100), leases, configs.lifecycleConfig().taskBackoffTimeMillis(200),
        configs.metricsConfig().metricsFactory(new NullMetricsFactory()), configs.processorConfig(), retrieval);
    Thread running = new Thread(scheduler, "scheduler");
    running.setDaemon(true);
    running.start();
    while (System.in.read() >= 0) continue;
    boolean ended = scheduler.startGracefulShutdown().get(30, TimeUnit.SECONDS);
    say("stopped " + ended);
    System.exit(0);
  }
}
