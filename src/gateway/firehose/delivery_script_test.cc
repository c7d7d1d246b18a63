// A delivery stream as SQL, and what can't be one.
#include "gateway/firehose/delivery_script.h"

#include <gtest/gtest.h>

#include "gateway/aws/aws_error.h"
#include "gateway/aws/body_codec.h"
#include "gateway/firehose/backup_bucket.h"
#include "gateway/firehose/opensearch_destination.h"

namespace mainstem::gateway::firehose {
namespace {

DeliveryStream StreamTo(std::string destination) {
  return {.job = "firehose-clicks-0000002a",
          .topic = "firehose.clicks",
          .version = 3,
          .destination_kind = "ExtendedS3DestinationConfiguration",
          .destination = std::move(destination)};
}

std::string Bucket(const std::string& more) {
  return R"({"RoleARN": "arn:aws:iam::000000000000:role/r", "BucketARN": "arn:aws:s3:::lake")" +
         more + "}";
}

std::string ScriptOf(const DeliveryStream& stream) {
  auto job = JobOf("clicks", stream);
  CHECK_OK(job);
  return job->script;
}

std::string RefusalOf(const std::string& more) {
  auto job = JobOf("clicks", StreamTo(Bucket(more)));
  return job.ok() ? "taken" : aws::ToAwsError(job.status()).message;
}

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(DeliveryScriptTest, IsAnInsertIntoFilesOfTheBucket) {
  EXPECT_EQ(ScriptOf(StreamTo(Bucket(""))),
            R"(CREATE TABLE records (
  data BYTES,
  arrival TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL
) WITH (
  'connector' = 'kafka',
  'format' = 'raw',
  'properties.bootstrap.servers' = 'this-node',
  'properties.isolation.level' = 'read_committed',
  'scan.holds-retention' = 'true',
  'scan.startup.mode' = 'earliest-offset',
  'topic' = 'firehose.clicks'
);
CREATE TABLE destination (
  data BYTES,
  arrival TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'
) WITH (
  'connector' = 'filesystem',
  'format' = 'raw',
  'path' = 's3://lake',
  'sink.compression' = 'none',
  'sink.file-name' = '!{timestamp:yyyy/MM/dd/HH}/clicks-3-)"
            R"(!{timestamp:yyyy-MM-dd-HH-mm-ss}-!{random:uuid}',
  'sink.record-delimiter' = '',
  'sink.rolling-policy.file-size' = '5MB',
  'sink.rolling-policy.inactivity-interval' = '300 s',
  'sink.rolling-policy.rollover-interval' = '300 s'
);
INSERT INTO destination SELECT data, arrival FROM records WHERE data IS NOT NULL;
)");
}

TEST(DeliveryScriptTest, CarriesHintsCompressionDelimiterAndZone) {
  const std::string script = ScriptOf(StreamTo(Bucket(R"(, "Prefix": "it's/",
      "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 0}, "CompressionFormat": "GZIP",
      "CustomTimeZone": "Asia/Tokyo", "ProcessingConfiguration": {"Enabled": true, "Processors": [
        {"Type": "AppendDelimiterToRecord",
         "Parameters": [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}]}]})")));
  EXPECT_TRUE(Has(script, "'sink.file-name' = 'it''s/!{timestamp:yyyy/MM/dd/HH}/clicks-3-"))
      << script;
  EXPECT_TRUE(Has(script, "!{random:uuid}.gz'")) << script;
  EXPECT_TRUE(Has(script, "'sink.compression' = 'gzip'")) << script;
  EXPECT_TRUE(Has(script, "'sink.rolling-policy.file-size' = '64MB'")) << script;
  EXPECT_TRUE(Has(script, "'sink.rolling-policy.rollover-interval' = '0 s'")) << script;
  EXPECT_TRUE(Has(script, "'sink.record-delimiter' = '\n'")) << script;
  EXPECT_TRUE(Has(script, "'sink.file-name.time-zone' = 'Asia/Tokyo'")) << script;
}

TEST(DeliveryScriptTest, ReadsAKinesisStreamFromWhereItEndedThen) {
  DeliveryStream stream = StreamTo(Bucket(""));
  stream.source = SourceKind::kKinesisStream;
  stream.topic = "clicks";
  stream.source_begin = "partition:0,offset:7;partition:1,offset:0";
  const std::string script = ScriptOf(stream);
  EXPECT_TRUE(Has(script, "'topic' = 'clicks'")) << script;
  EXPECT_TRUE(Has(script, "'scan.startup.mode' = 'specific-offsets'")) << script;
  EXPECT_TRUE(Has(script, "'scan.startup.specific-offsets' = '" + stream.source_begin + "'"))
      << script;
  EXPECT_TRUE(Has(script, "'properties.auto.offset.reset' = 'earliest'")) << script;
}

TEST(DeliveryScriptTest, RefusesPrefixesAsAmazonDoes) {
  EXPECT_EQ(RefusalOf(R"(, "Prefix": "a/!{timestamp:HH}/")"),
            "ErrorOutputPrefix cannot be null or empty when Prefix contains expressions.");
  EXPECT_EQ(RefusalOf(R"(, "Prefix": "a/!{timestamp:HH}/", "ErrorOutputPrefix": "e/")"), "taken");
  EXPECT_EQ(RefusalOf(R"(, "ErrorOutputPrefix": "e/!{timestamp:HH}/")"),
            "ErrorOutputPrefix with expressions must contain !{firehose:error-output-type}.");
  EXPECT_EQ(RefusalOf(R"(, "Prefix": "!{firehose:error-output-type}/", "ErrorOutputPrefix": "e/")"),
            "Prefix cannot contain !{firehose:error-output-type}.");
  EXPECT_EQ(RefusalOf(R"(, "Prefix": "!{other:x}/", "ErrorOutputPrefix": "e/")"),
            "Prefix has the unknown expression !{other:x}.");
  const std::string errors = R"(, "ErrorOutputPrefix": "e/!{firehose:error-output-type}/)";
  EXPECT_EQ(RefusalOf(errors + R"(!{timestamp:HH}/!{firehose:random-string}/")"), "taken");
  EXPECT_EQ(RefusalOf(errors + R"(!{other:x}/")"),
            "ErrorOutputPrefix has the unknown expression !{other:x}.");
}

TEST(DeliveryScriptTest, TakesBothBufferingHintsOrNone) {
  const std::string both = "BufferingHints must have both SizeInMBs and IntervalInSeconds.";
  EXPECT_EQ(RefusalOf(R"(, "BufferingHints": {"SizeInMBs": 3})"), both);
  EXPECT_EQ(RefusalOf(R"(, "BufferingHints": {"IntervalInSeconds": 3})"), both);
  EXPECT_EQ(RefusalOf(R"(, "BufferingHints": {})"), "taken");
}

TEST(DeliveryScriptTest, RefusesWhatIsNotAvailable) {
  const std::string conversion =
      "Conversion to another format is not available here: a SQL job that reads the stream's "
      "topic writes Parquet.";
  EXPECT_EQ(RefusalOf(R"(, "DataFormatConversionConfiguration": {"Enabled": true})"), conversion);
  EXPECT_EQ(RefusalOf(R"(, "DataFormatConversionConfiguration": {})"), conversion);
  EXPECT_EQ(RefusalOf(R"(, "DataFormatConversionConfiguration": {"Enabled": false})"), "taken");
  EXPECT_EQ(RefusalOf(R"(, "ProcessingConfiguration": {"Enabled": true,
                           "Processors": [{"Type": "Lambda"}]})"),
            "The processor Lambda is not available here.");
  EXPECT_EQ(RefusalOf(R"(, "ProcessingConfiguration": {"Enabled": false,
                           "Processors": [{"Type": "Lambda"}]})"),
            "taken");
}

// With dynamic partitioning, by `query`; `more` as the bucket's members.
std::string Partitioned(const std::string& prefix, const std::string& query,
                        const std::string& more = "") {
  return R"(, "DynamicPartitioningConfiguration": {"Enabled": true}, "Prefix": ")" + prefix +
         R"(", "ErrorOutputPrefix": "e/!{firehose:error-output-type}/",
            "ProcessingConfiguration": {"Enabled": true, "Processors": [
              {"Type": "MetadataExtraction", "Parameters": [
                {"ParameterName": "JsonParsingEngine", "ParameterValue": "JQ-1.6"},
                {"ParameterName": "MetadataExtractionQuery", "ParameterValue": ")" +
         query + R"("}]}, {"Type": "RecordDeAggregation", "Parameters": [
                {"ParameterName": "SubRecordType", "ParameterValue": "JSON"}]},
              {"Type": "AppendDelimiterToRecord"}]})" +
         more;
}

TEST(DeliveryScriptTest, PartitionsByWhatIsInRecords) {
  const std::string script =
      ScriptOf(StreamTo(Bucket(Partitioned("c=!{partitionKeyFromQuery:c}/", R"({c: .\"it's\"})"))));
  for (const char* part :
       {"'sink.file-name' = 'c=!{partitionKeyFromQuery:c}/clicks-3-!{timestamp",
        R"('sink.record-query' = '{c: ."it''s"}')", "'sink.record-split' = 'json'",
        "'sink.record-delimiter' = '\n'", "'sink.rolling-policy.file-size' = '128MB'",
        "'sink.bad-records' = 'quarantine'",
        "'sink.file-name' = 'e/metadata-extraction-failed/clicks",
        "'topic' = '__mainstem.quarantine.firehose-clicks-0000002a'",
        "EXECUTE STATEMENT SET BEGIN\n"
        "INSERT INTO destination SELECT data, arrival FROM records WHERE data IS NOT NULL;\n"
        "INSERT INTO failed SELECT data, arrival FROM failed_records WHERE data IS NOT NULL;\n"
        "END;\n"}) {
    EXPECT_TRUE(Has(script, part)) << part << " in\n" << script;
  }
  const size_t failed = script.find("CREATE TABLE failed (");
  EXPECT_EQ(script.find("sink.record-query", failed), std::string::npos) << script;
}

TEST(DeliveryScriptTest, RefusesPartitionsAsAmazonDoes) {
  const std::string prefix = "!{partitionKeyFromQuery:c}/";
  EXPECT_EQ(RefusalOf(Partitioned(prefix, "{c: .c}")), "taken");
  EXPECT_EQ(RefusalOf(Partitioned("c/", "{c: .c}")),
            "Prefix must contain !{partitionKeyFromQuery:key} with dynamic partitioning.");
  EXPECT_EQ(RefusalOf(Partitioned(prefix + "!{partitionKeyFromLambda:d}/", "{c: .c}")),
            "partitionKeyFromLambda is not available here.");
  EXPECT_EQ(RefusalOf(Partitioned(prefix, "{c: .c}", R"(, "BufferingHints":
                {"SizeInMBs": 63, "IntervalInSeconds": 60})")),
            "BufferingHints.SizeInMBs must be at least 64 with dynamic partitioning.");
  const std::string needed =
      "Dynamic partitioning needs the processor MetadataExtraction, which is there for nothing "
      "else.";
  EXPECT_EQ(RefusalOf(R"(, "DynamicPartitioningConfiguration": {"Enabled": true},
                "Prefix": ")" +
                      prefix + R"(", "ErrorOutputPrefix": "e/")"),
            needed);
  auto processor = [](const std::string& text) {
    return R"(, "ProcessingConfiguration": {"Enabled": true, "Processors": [)" + text + "]}";
  };
  EXPECT_EQ(RefusalOf(processor(R"({"Type": "MetadataExtraction", "Parameters": [
                {"ParameterName": "JsonParsingEngine", "ParameterValue": "JQ-1.6"},
                {"ParameterName": "MetadataExtractionQuery", "ParameterValue": "{a: .a}"}]})")),
            needed);
  EXPECT_EQ(RefusalOf(processor(R"({"Type": "MetadataExtraction", "Parameters": [
                {"ParameterName": "JsonParsingEngine", "ParameterValue": "JQ-1.7"},
                {"ParameterName": "MetadataExtractionQuery", "ParameterValue": "{a: .a}"}]})")),
            "JsonParsingEngine must be JQ-1.6.");
  EXPECT_EQ(RefusalOf(processor(R"({"Type": "RecordDeAggregation", "Parameters": [
                {"ParameterName": "SubRecordType", "ParameterValue": "JSON"}]})")),
            "RecordDeAggregation without dynamic partitioning is not available here.");
  EXPECT_EQ(RefusalOf(processor(R"({"Type": "RecordDeAggregation", "Parameters": [
                {"ParameterName": "SubRecordType", "ParameterValue": "DELIMITED"}]})")),
            "RecordDeAggregation with the SubRecordType DELIMITED is not available here.");
}

DeliveryStream StreamToEndpoint(const std::string& more) {
  DeliveryStream stream = StreamTo(R"({"EndpointConfiguration": {"Url": "https://h/p",
      "AccessKey": "it's"}, "S3Configuration": )" +
                                   Bucket(R"(, "Prefix": "p/")") + more + "}");
  stream.destination_kind = kHttpKind;
  stream.arn = "arn:aws:firehose:r:000000000000:deliverystream/clicks";
  return stream;
}

TEST(DeliveryScriptTest, SendsToAnEndpointAndWhatFailsToTheBucket) {
  const std::string script = ScriptOf(StreamToEndpoint(R"(, "RetryOptions":
      {"DurationInSeconds": 7}, "RequestConfiguration": {"ContentEncoding": "GZIP",
      "CommonAttributes": [{"AttributeName": "a", "AttributeValue": "b"}]})"));
  for (const char* part :
       {"'connector' = 'firehose-endpoint'", "'url' = 'https://h/p'", "'access-key' = 'it''s'",
        "'source-arn' = 'arn:aws:firehose:r:000000000000:deliverystream/clicks'",
        "'content-encoding' = 'gzip'", R"('common-attributes' = '{"commonAttributes":{"a":"b"}}')",
        "'sink.buffer.size' = '5MB'", "'sink.buffer.interval' = '300 s'",
        "'sink.retry.duration' = '7 s'",
        "'topic' = '__mainstem.quarantine.firehose-clicks-0000002a'",
        "'sink.file-name' = 'p/http-endpoint-failed/!{timestamp:yyyy/MM/dd/HH}/clicks-3-",
        "'sink.record-delimiter' = '\n'",
        "EXECUTE STATEMENT SET BEGIN\n"
        "INSERT INTO destination SELECT data, arrival FROM records WHERE data IS NOT NULL;\n"
        "INSERT INTO failed SELECT data, arrival FROM failed_records WHERE data IS NOT NULL;\n"
        "END;\n"}) {
    EXPECT_TRUE(Has(script, part)) << part << " in\n" << script;
  }
  EXPECT_FALSE(Has(script, "backup"));
  const std::string all = ScriptOf(StreamToEndpoint(R"(, "S3BackupMode": "AllData")"));
  EXPECT_TRUE(Has(all, "INSERT INTO backup SELECT data, arrival FROM records")) << all;
  EXPECT_TRUE(Has(all, "'sink.file-name' = 'p/!{timestamp:yyyy/MM/dd/HH}/clicks-3-")) << all;
}

TEST(DeliveryScriptTest, MergesTheBucketOfAnEndpoint) {
  const std::string before = StreamToEndpoint("").destination;
  auto merge = [&before](const std::string& update) {
    auto document = aws::DecodeBody(aws::BodyCodec::kJson, update);
    CHECK_OK(document);
    return MergedWithBucket(before, document->root);
  };
  auto merged =
      merge(R"({"S3Update": {"Prefix": "q/"}, "RetryOptions": {"DurationInSeconds": 0}})");
  ASSERT_TRUE(merged.ok()) << merged.status();
  DeliveryStream stream = StreamToEndpoint("");
  stream.destination = *merged;
  const std::string script = ScriptOf(stream);
  EXPECT_TRUE(Has(script, "'url' = 'https://h/p'")) << script;
  EXPECT_TRUE(Has(script, "'path' = 's3://lake'")) << script;
  EXPECT_TRUE(Has(script, "'sink.file-name' = 'q/http-endpoint-failed/")) << script;
  EXPECT_TRUE(Has(script, "'sink.retry.duration' = '0 s'")) << script;
  EXPECT_FALSE(merge(R"({"S3BackupMode": "AllData"})").ok());
}

DeliveryStream StreamToDocuments(const std::string& more) {
  DeliveryStream stream = StreamTo(
      R"({"RoleARN": "arn:aws:iam::000000000000:role/r", "IndexName": "clicks",
          "S3Configuration": )" +
      Bucket(R"(, "Prefix": "p/")") + more + "}");
  stream.destination_kind = kOpenSearchKind;
  return stream;
}

TEST(DeliveryScriptTest, WritesDocumentsAndWhatFailsToTheBucket) {
  const std::string endpoint = R"(, "ClusterEndpoint": "https://me:it%27s%40@h:9200/x")";
  const std::string script = ScriptOf(StreamToDocuments(endpoint));
  for (const char* part :
       {"'connector' = 'firehose-opensearch'", "'url' = 'https://h:9200/x'", "'index' = 'clicks'",
        "'index.rotation' = 'day'", "'document-id.prefix' = 'firehose-clicks-0000002a'",
        "'username' = 'me'", "'password' = 'it''s@'", "'sink.buffer.size' = '5MB'",
        "'sink.retry.duration' = '300 s'",
        "'sink.file-name' = 'p/AmazonOpenSearchService-failed/!{timestamp:yyyy/MM/dd/HH}/clicks-3-",
        "INSERT INTO failed SELECT data, arrival FROM failed_records"}) {
    EXPECT_TRUE(Has(script, part)) << part << " in\n" << script;
  }
  EXPECT_FALSE(Has(script, "backup"));
  const std::string more = ScriptOf(StreamToDocuments(
      R"(, "ClusterEndpoint": "https://h", "S3BackupMode": "AllDocuments",
          "IndexRotationPeriod": "OneWeek", "TypeName": "",
          "DocumentIdOptions": {"DefaultDocumentIdFormat": "NO_DOCUMENT_ID"},
          "BufferingHints": {"SizeInMBs": 100, "IntervalInSeconds": 0})"));
  EXPECT_TRUE(Has(more, "INSERT INTO backup SELECT data, arrival FROM records")) << more;
  EXPECT_TRUE(Has(more, "'index.rotation' = 'week'")) << more;
  EXPECT_TRUE(Has(more, "'sink.buffer.size' = '100MB'")) << more;
  EXPECT_FALSE(Has(more, "document-id")) << more;
}

TEST(DeliveryScriptTest, TellsOfAClusterWithoutItsPassword) {
  const std::string given =
      StreamToDocuments(R"(, "ClusterEndpoint": "https://me:s3cret@h")").destination;
  auto document = aws::DecodeBody(aws::BodyCodec::kJson, given);
  CHECK_OK(document);
  auto answer = aws::MakeBodyWriter(aws::BodyCodec::kJson);
  answer->BeginMap();
  DescribeOpenSearch(document->root, answer.get());
  answer->EndMap();
  const std::string told = answer->Take();
  EXPECT_TRUE(Has(told, R"("ClusterEndpoint":"https://h")")) << told;
  EXPECT_FALSE(Has(told, "s3cret")) << told;
}

TEST(DeliveryScriptTest, RefusesClustersAsAmazonDoes) {
  auto refusal = [](const std::string& more) {
    auto job = JobOf("clicks", StreamToDocuments(more));
    return job.ok() ? "taken" : aws::ToAwsError(job.status()).message;
  };
  const std::string endpoint = R"(, "ClusterEndpoint": "https://h")";
  const std::string domain = R"(, "DomainARN": "arn:aws:es:r:000000000000:domain/d")";
  EXPECT_EQ(refusal(endpoint), "taken");
  EXPECT_EQ(refusal(""), "Either ClusterEndpoint or DomainARN is to be given.");
  EXPECT_EQ(refusal(endpoint + domain), "Either ClusterEndpoint or DomainARN is to be given.");
  EXPECT_EQ(refusal(domain), "DomainARN is not available here: give the domain's ClusterEndpoint.");
  EXPECT_EQ(refusal(endpoint + R"(, "TypeName": "_doc")"),
            "Types are deprecated in OpenSearch. TypeName must be empty.");
  EXPECT_EQ(refusal(endpoint + R"(, "VpcConfiguration": {})"),
            "VpcConfiguration is not available here.");
  EXPECT_EQ(refusal(endpoint + R"(, "ProcessingConfiguration": {"Enabled": true})"),
            "Processing for OpenSearch is not available here.");
}

TEST(DeliveryStreamTest, IsKeptAsItIs) {
  DeliveryStream stream = StreamTo(Bucket(""));
  stream.state = DeliveryStream::State::kDeleting;
  stream.source = SourceKind::kKinesisStream;
  stream.arn = "arn:aws:firehose:r:000000000000:deliverystream/clicks";
  stream.source_arn = "arn:aws:kinesis:r:000000000000:stream/s";
  stream.source_begin = "partition:0,offset:7";
  stream.created_ms = 5;
  stream.updated_ms = 6;
  stream.tags["a"] = "b";
  auto read = DecodeStream(EncodeStream(stream));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, stream);
  EXPECT_FALSE(DecodeStream("{}").ok());
}

}  // namespace
}  // namespace mainstem::gateway::firehose
