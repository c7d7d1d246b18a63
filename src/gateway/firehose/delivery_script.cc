#include "gateway/firehose/delivery_script.h"

#include <fmt/format.h>

#include "gateway/aws/aws_error.h"
#include "gateway/firehose/backup_bucket.h"
#include "gateway/firehose/http_destination.h"
#include "gateway/firehose/opensearch_destination.h"
#include "gateway/firehose/s3_destination.h"

namespace mainstem::gateway::firehose {
namespace {

using Options = std::map<std::string, std::string>;

std::string Quoted(std::string_view text) {
  std::string quoted = "'";
  for (char c : text) quoted.append(c == '\'' ? 2 : 1, c);
  return quoted + "'";
}

std::string CreateTable(std::string_view head, const Options& options) {
  std::string text(head);
  text += ") WITH (";
  const char* before = "\n";
  for (const auto& [name, value] : options) {
    text += fmt::format("{}  {} = {}", before, Quoted(name), Quoted(value));
    before = ",\n";
  }
  return text + "\n);\n";
}

struct SourceOf {
  std::string_view table;
  std::string topic;
  std::string_view begin = {};  // 'scan.startup.specific-offsets'; empty: the earliest
};

std::string SourceTable(const SourceOf& source) {
  Options options{{"connector", "kafka"},
                  {"topic", source.topic},
                  {"properties.bootstrap.servers", std::string(connector::kThisNode)},
                  {"properties.isolation.level", "read_committed"},
                  {"scan.holds-retention", "true"},
                  {"format", "raw"}};
  if (source.begin.empty()) {
    options["scan.startup.mode"] = "earliest-offset";
  } else {
    options["scan.startup.mode"] = "specific-offsets";
    options["scan.startup.specific-offsets"] = source.begin;
    options["properties.auto.offset.reset"] = "earliest";  // of shards that came later
  }
  return CreateTable(fmt::format("CREATE TABLE {} (\n  data BYTES,\n"
                                 "  arrival TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL\n",
                                 source.table),
                     options);
}

Result<std::string> FileTable(std::string_view table, const S3Destination& destination) {
  ASSIGN_OR_RETURN(Options options, FileOptionsOf(destination));
  return CreateTable(fmt::format("CREATE TABLE {} (\n  data BYTES,\n"
                                 "  arrival TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'\n",
                                 table),
                     options);
}

std::string InsertInto(std::string_view table, std::string_view from) {
  return fmt::format("INSERT INTO {} SELECT data, arrival FROM {} WHERE data IS NOT NULL;\n", table,
                     from);
}

std::string StatementSet(const std::string& inserts) {
  return "EXECUTE STATEMENT SET BEGIN\n" + inserts + "END;\n";
}

// What the job has refused, as the lines that go to the bucket.
std::string FailedSource(const DeliveryStream& stream) {
  return SourceTable({.table = "failed_records", .topic = FailedTopicOf(stream)});
}

// The table of a destination that is no bucket, and what its failed records are called.
struct Carrier {
  Options options;
  std::string_view error_type;
};
Result<Carrier> CarrierOf(const DeliveryStream& stream, const aws::Value& configuration) {
  Carrier carrier;
  if (stream.destination_kind == kOpenSearchKind) {
    ASSIGN_OR_RETURN(carrier.options, DocumentOptionsOf(configuration, stream.job));
    carrier.error_type = kOpenSearchErrorType;
  } else {
    ASSIGN_OR_RETURN(carrier.options, EndpointOptionsOf(configuration, stream.arn));
    carrier.error_type = kHttpErrorType;
  }
  return carrier;
}

// What the destination does not take comes back by the job's quarantine, and goes to the bucket.
Result<std::string> CarrierScript(const std::string& file_name, const DeliveryStream& stream,
                                  const aws::Value& configuration) {
  ASSIGN_OR_RETURN(Carrier carrier, CarrierOf(stream, configuration));
  const aws::Value& bucket = configuration["S3Configuration"];
  S3Destination failed{
      .name = file_name, .configuration = &bucket, .error_type = carrier.error_type};
  std::string script = CreateTable(
      "CREATE TABLE destination (\n  data BYTES,\n  arrival TIMESTAMP_LTZ(3)\n", carrier.options);
  script += FailedSource(stream);
  ASSIGN_OR_RETURN(std::string table, FileTable("failed", failed));
  script += table;
  std::string inserts = InsertInto("destination", "records");
  inserts += InsertInto("failed", "failed_records");
  if (BacksUpAll(configuration)) {
    ASSIGN_OR_RETURN(table, FileTable("backup", {.name = file_name, .configuration = &bucket}));
    script += table;
    inserts += InsertInto("backup", "records");
  }
  return script + StatementSet(inserts);
}

}  // namespace

Result<connector::KeptJob> JobOf(std::string_view name, const DeliveryStream& stream) {
  ASSIGN_OR_RETURN(aws::Document document,
                   aws::DecodeBody(aws::BodyCodec::kJson, stream.destination));
  const std::string file_name = fmt::format("{}-{}", name, stream.version);
  connector::KeptJob job{.id = stream.job, .name = fmt::format("firehose.{}", name), .script = ""};
  job.script =
      SourceTable({.table = "records", .topic = stream.topic, .begin = stream.source_begin});
  if (HasBackupBucket(stream)) {
    ASSIGN_OR_RETURN(std::string rest, CarrierScript(file_name, stream, document.root));
    job.script += rest;
  } else {
    S3Destination s3{.name = file_name, .configuration = &document.root};
    ASSIGN_OR_RETURN(std::string table, FileTable("destination", s3));
    std::string inserts = InsertInto("destination", "records");
    if (HasFailedRecords(stream)) {
      s3.error_type = kPartitionErrorType;
      ASSIGN_OR_RETURN(std::string failed, FileTable("failed", s3));
      table += FailedSource(stream) + failed;
      inserts = StatementSet(inserts + InsertInto("failed", "failed_records"));
    }
    job.script += table + inserts;
  }
  // One buffer, as Amazon has it.
  job.settings["parallelism.default"] = "1";
  // Nobody is there who would start it again.
  job.settings["mainstem.restart.permanent-errors"] = "true";
  return job;
}

}  // namespace mainstem::gateway::firehose
