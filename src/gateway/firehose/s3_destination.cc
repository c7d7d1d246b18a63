#include "gateway/firehose/s3_destination.h"

#include <functional>
#include <vector>

#include <fmt/format.h>

#include "gateway/aws/aws_error.h"
#include "gateway/aws/value_json.h"

namespace mainstem::gateway::firehose {
namespace {

using aws::InvalidArgument;
using aws::Value;

struct Compression {
  std::string_view name;       // Amazon's
  std::string_view option;     // ours
  std::string_view extension;  // of objects
};
constexpr Compression kCompressions[] = {{"UNCOMPRESSED", "none", ""},
                                         {"GZIP", "gzip", ".gz"},
                                         {"ZIP", "zip", ".zip"},
                                         {"Snappy", "snappy", ".snappy"},
                                         {"HADOOP_SNAPPY", "hadoop-snappy", ".hsnappy"}};

// With dynamic partitioning: the least, and what is told as the default.
constexpr int64_t kPartitionedMegabytesMin = 64;
constexpr int64_t kPartitionedMegabytes = 128;

const Compression& CompressionOf(const Value& configuration) {
  for (const Compression& compression : kCompressions) {
    if (configuration["CompressionFormat"].text == compression.name) return compression;
  }
  return kCompressions[0];
}

Status NotHere(std::string_view what) {
  return InvalidArgument(fmt::format("{} is not available here.", what));
}

// The text between "!{" and "}" of each expression.
Result<std::vector<std::string_view>> ExpressionsIn(std::string_view prefix) {
  std::vector<std::string_view> expressions;
  for (size_t begin = prefix.find("!{"); begin != std::string_view::npos;
       begin = prefix.find("!{", begin)) {
    const size_t end = prefix.find('}', begin);
    if (end == std::string_view::npos) {
      return InvalidArgument(
          fmt::format("The prefix {} has an expression without an end.", prefix));
    }
    expressions.push_back(prefix.substr(begin + 2, end - begin - 2));
    begin = end;
  }
  return expressions;
}

bool IsTime(std::string_view expression) { return expression.starts_with("timestamp:"); }

// What stands before the name of each object.
Result<std::string> PrefixOf(const Value& configuration) {
  std::string prefix(configuration["Prefix"].text);
  const std::string_view errors = configuration["ErrorOutputPrefix"].text;
  ASSIGN_OR_RETURN(auto expressions, ExpressionsIn(prefix));
  const bool is_partitioned = IsPartitioned(configuration);
  bool has_time = false;
  bool has_key = false;
  for (std::string_view expression : expressions) {
    has_time |= IsTime(expression);
    if (IsTime(expression) || expression == "firehose:random-string") continue;
    if (expression == "firehose:error-output-type") {
      return InvalidArgument("Prefix cannot contain !{firehose:error-output-type}.");
    }
    if (expression.starts_with("partitionKeyFromQuery:") && is_partitioned) {
      has_key = true;
      continue;
    }
    if (expression.starts_with("partitionKeyFrom") && !is_partitioned) {
      return InvalidArgument("Prefix can contain partition keys only with dynamic partitioning.");
    }
    if (expression.starts_with("partitionKeyFromLambda")) return NotHere("partitionKeyFromLambda");
    return InvalidArgument(fmt::format("Prefix has the unknown expression !{{{}}}.", expression));
  }
  if (is_partitioned && !has_key) {
    return InvalidArgument(
        "Prefix must contain !{partitionKeyFromQuery:key} with dynamic partitioning.");
  }
  if (!expressions.empty() && errors.empty()) {
    return InvalidArgument(
        "ErrorOutputPrefix cannot be null or empty when Prefix contains "
        "expressions.");
  }
  ASSIGN_OR_RETURN(auto error_expressions, ExpressionsIn(errors));
  bool has_type = error_expressions.empty();
  for (std::string_view expression : error_expressions) {
    const bool is_type = expression == "firehose:error-output-type";
    has_type |= is_type;
    if (is_type || IsTime(expression) || expression == "firehose:random-string") continue;
    return InvalidArgument(
        fmt::format("ErrorOutputPrefix has the unknown expression !{{{}}}.", expression));
  }
  if (!has_type) {
    return InvalidArgument(
        "ErrorOutputPrefix with expressions must contain "
        "!{firehose:error-output-type}.");
  }
  // Partitions are named as they are told.
  if (!has_time && !is_partitioned) prefix += "!{timestamp:yyyy/MM/dd/HH}/";
  return prefix;
}

Status CheckAvailable(const Value& configuration) {
  if (!configuration["EncryptionConfiguration"]["KMSEncryptionConfig"].is_null()) {
    return NotHere("Encryption with a key of KMS");
  }
  // On unless it is told not to be.
  const Value& conversion = configuration["DataFormatConversionConfiguration"];
  if (!conversion.is_null() && (conversion["Enabled"].is_null() || conversion["Enabled"].boolean)) {
    return InvalidArgument(
        "Conversion to another format is not available here: a SQL job that reads the stream's "
        "topic writes Parquet.");
  }
  if (configuration["S3BackupMode"].text == "Enabled")
    return NotHere("The backup of source records");
  return Status::OK();
}

// What its processors say.
struct Processors {
  std::string delimiter = {};  // behind each record
  std::string query = {};      // of MetadataExtraction
  bool splits_json = false;
};

std::string_view ParameterOf(const Value& processor, std::string_view name) {
  for (const aws::Member& parameter : processor["Parameters"].members) {
    if (parameter.value["ParameterName"].text == name)
      return parameter.value["ParameterValue"].text;
  }
  return {};
}

Status AddProcessor(const Value& processor, Processors* result) {
  const std::string_view type = processor["Type"].text;
  if (type == "AppendDelimiterToRecord") {
    const std::string_view given = ParameterOf(processor, "Delimiter");
    result->delimiter = given.empty() || given == "\\n" ? "\n" : std::string(given);
    return Status::OK();
  }
  if (type == "MetadataExtraction") {
    result->query = ParameterOf(processor, "MetadataExtractionQuery");
    if (result->query.empty()) {
      return InvalidArgument("MetadataExtraction needs the parameter MetadataExtractionQuery.");
    }
    if (ParameterOf(processor, "JsonParsingEngine") != "JQ-1.6") {
      return InvalidArgument("JsonParsingEngine must be JQ-1.6.");
    }
    return Status::OK();
  }
  if (type == "RecordDeAggregation") {
    const std::string_view sub_records = ParameterOf(processor, "SubRecordType");
    if (sub_records != "JSON") {
      return NotHere(fmt::format("RecordDeAggregation with the SubRecordType {}", sub_records));
    }
    result->splits_json = true;
    return Status::OK();
  }
  return NotHere(fmt::format("The processor {}", type));
}

Result<Processors> ProcessorsOf(const Value& configuration) {
  Processors result;
  const Value& processing = configuration["ProcessingConfiguration"];
  if (processing["Enabled"].boolean) {
    for (const aws::Member& processor : processing["Processors"].members) {
      RETURN_IF_ERROR(AddProcessor(processor.value, &result));
    }
  }
  if (IsPartitioned(configuration) == result.query.empty()) {
    return InvalidArgument(
        "Dynamic partitioning needs the processor MetadataExtraction, which is there for nothing "
        "else.");
  }
  if (result.splits_json && result.query.empty()) {
    return NotHere("RecordDeAggregation without dynamic partitioning");
  }
  return result;
}

// Where failed records go. An expression of its own is not there when ErrorOutputPrefix has none.
Result<std::string> ErrorPrefixOf(const Value& configuration, std::string_view error_type) {
  RETURN_IF_ERROR(PrefixOf(configuration));
  constexpr std::string_view kType = "!{firehose:error-output-type}";
  constexpr std::string_view kTime = "!{timestamp:yyyy/MM/dd/HH}/";
  std::string prefix(configuration["ErrorOutputPrefix"].text);
  if (prefix.empty()) prefix = configuration["Prefix"].text;
  if (prefix.find("!{") == std::string::npos) {
    return fmt::format("{}{}/{}", prefix, error_type, kTime);
  }
  for (size_t at = prefix.find(kType); at != std::string::npos; at = prefix.find(kType)) {
    prefix.replace(at, kType.size(), error_type);
  }
  return prefix;
}

// "arn:aws:s3:::NAME".
std::string BucketOf(const Value& configuration) {
  const std::string_view arn = configuration["BucketARN"].text;
  return std::string(arn.substr(arn.rfind(':') + 1));
}

void CopyOr(std::string_view name, const Value& configuration, aws::BodyWriter* answer,
            const std::function<void(aws::BodyWriter* answer)>& write_default) {
  answer->Key(name);
  if (configuration[name].is_null()) {
    write_default(answer);
  } else {
    aws::CopyValue(configuration[name], answer);
  }
}

Buffer HintsOf(const Value& configuration) {
  const Value& hints = configuration["BufferingHints"];
  Buffer buffer;
  if (IsPartitioned(configuration)) buffer.megabytes = kPartitionedMegabytes;
  buffer.megabytes = aws::IntegerOf(hints["SizeInMBs"]).value_or(buffer.megabytes);
  buffer.seconds = aws::IntegerOf(hints["IntervalInSeconds"]).value_or(buffer.seconds);
  return buffer;
}

}  // namespace

Result<Buffer> BufferOf(const Value& configuration) {
  const Value& hints = configuration["BufferingHints"];
  if (hints["SizeInMBs"].is_null() != hints["IntervalInSeconds"].is_null()) {
    return InvalidArgument("BufferingHints must have both SizeInMBs and IntervalInSeconds.");
  }
  const Buffer buffer = HintsOf(configuration);
  if (IsPartitioned(configuration) && buffer.megabytes < kPartitionedMegabytesMin) {
    return InvalidArgument(
        "BufferingHints.SizeInMBs must be at least 64 with dynamic partitioning.");
  }
  return buffer;
}

bool IsPartitioned(const Value& configuration) {
  return configuration["DynamicPartitioningConfiguration"]["Enabled"].boolean;
}

void DescribeBuffer(const Value& configuration, aws::BodyWriter* answer) {
  const Buffer buffer = HintsOf(configuration);
  answer->Key("BufferingHints").BeginMap().Key("SizeInMBs").Integer(buffer.megabytes);
  answer->Key("IntervalInSeconds").Integer(buffer.seconds).EndMap();
}

Result<std::map<std::string, std::string>> FileOptionsOf(const S3Destination& destination) {
  const Value& configuration = *destination.configuration;
  const bool is_failed = !destination.error_type.empty();
  RETURN_IF_ERROR(CheckAvailable(configuration));
  ASSIGN_OR_RETURN(std::string prefix, is_failed
                                           ? ErrorPrefixOf(configuration, destination.error_type)
                                           : PrefixOf(configuration));
  ASSIGN_OR_RETURN(const Buffer buffer, BufferOf(configuration));
  const Compression& compression = CompressionOf(configuration);
  std::string extension(configuration["FileExtension"].text);
  if (extension.empty()) extension = compression.extension;
  std::map<std::string, std::string> options{
      {"connector", "filesystem"},
      {"path", "s3://" + BucketOf(configuration)},
      {"format", "raw"},
      {"sink.file-name", fmt::format("{}{}-!{{timestamp:yyyy-MM-dd-HH-mm-ss}}-!{{random:uuid}}{}",
                                     prefix, destination.name, extension)},
      {"sink.compression", std::string(compression.option)},
      {"sink.rolling-policy.file-size", fmt::format("{}MB", buffer.megabytes)},
      {"sink.rolling-policy.rollover-interval", fmt::format("{} s", buffer.seconds)},
      {"sink.rolling-policy.inactivity-interval", fmt::format("{} s", buffer.seconds)}};
  ASSIGN_OR_RETURN(const Processors processors, ProcessorsOf(configuration));
  options["sink.record-delimiter"] = is_failed ? "\n" : processors.delimiter;
  if (!is_failed && !processors.query.empty()) {
    options["sink.record-query"] = processors.query;
    if (processors.splits_json) options["sink.record-split"] = "json";
    // What has no partition goes to the bucket, too.
    options["sink.bad-records"] = "quarantine";
    options["sink.bad-records.max"] = "9223372036854775807";
  }
  const std::string_view zone = configuration["CustomTimeZone"].text;
  if (!zone.empty()) options["sink.file-name.time-zone"] = zone;
  return options;
}

void DescribeS3(const Value& configuration, S3Description what, aws::BodyWriter* answer) {
  answer->Field("RoleARN", configuration["RoleARN"].text);
  answer->Field("BucketARN", configuration["BucketARN"].text);
  answer->Field("Prefix", configuration["Prefix"].text);
  if (!configuration["ErrorOutputPrefix"].is_null()) {
    answer->Field("ErrorOutputPrefix", configuration["ErrorOutputPrefix"].text);
  }
  DescribeBuffer(configuration, answer);
  answer->Field("CompressionFormat", CompressionOf(configuration).name);
  CopyOr("EncryptionConfiguration", configuration, answer, [](aws::BodyWriter* out) {
    out->BeginMap().Field("NoEncryptionConfig", "NoEncryption").EndMap();
  });
  CopyOr("CloudWatchLoggingOptions", configuration, answer,
         [](aws::BodyWriter* out) { out->BeginMap().Key("Enabled").Boolean(false).EndMap(); });
  if (!what.extended) return;
  for (std::string_view name :
       {"ProcessingConfiguration", "DataFormatConversionConfiguration",
        "DynamicPartitioningConfiguration", "FileExtension", "CustomTimeZone"}) {
    if (configuration[name].is_null()) continue;
    answer->Key(name);
    aws::CopyValue(configuration[name], answer);
  }
  answer->Field("S3BackupMode", "Disabled");
}

}  // namespace mainstem::gateway::firehose
