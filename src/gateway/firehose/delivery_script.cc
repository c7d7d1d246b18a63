#include "gateway/firehose/delivery_script.h"

#include <fmt/format.h>

#include "gateway/aws/aws_error.h"
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

std::string SourceTable(const DeliveryStream& stream) {
  Options options{{"connector", "kafka"},
                  {"topic", stream.topic},
                  {"properties.bootstrap.servers", std::string(connector::kThisNode)},
                  {"properties.isolation.level", "read_committed"},
                  {"scan.holds-retention", "true"},
                  {"format", "raw"}};
  if (stream.source_begin.empty()) {
    options["scan.startup.mode"] = "earliest-offset";
  } else {
    options["scan.startup.mode"] = "specific-offsets";
    options["scan.startup.specific-offsets"] = stream.source_begin;
    options["properties.auto.offset.reset"] = "earliest";  // of shards that came later
  }
  return CreateTable(
      "CREATE TABLE records (\n  data BYTES,\n"
      "  arrival TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL\n",
      options);
}

}  // namespace

Result<connector::KeptJob> JobOf(std::string_view name, const DeliveryStream& stream) {
  ASSIGN_OR_RETURN(aws::Document document,
                   aws::DecodeBody(aws::BodyCodec::kJson, stream.destination));
  S3Destination s3{.name = fmt::format("{}-{}", name, stream.version),
                   .configuration = &document.root};
  ASSIGN_OR_RETURN(Options options, FileOptionsOf(s3));
  connector::KeptJob job{.id = stream.job, .name = fmt::format("firehose.{}", name)};
  job.script = SourceTable(stream);
  job.script += CreateTable(
      "CREATE TABLE destination (\n  data BYTES,\n"
      "  arrival TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'\n",
      options);
  job.script +=
      "INSERT INTO destination SELECT data, arrival FROM records WHERE data IS NOT NULL;\n";
  // One buffer, as Amazon has it.
  job.settings["parallelism.default"] = "1";
  // Nobody is there who would start it again.
  job.settings["mainstem.restart.permanent-errors"] = "true";
  return job;
}

}  // namespace mainstem::gateway::firehose
