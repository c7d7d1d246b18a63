#include "gateway/firehose/http_destination.h"

#include <fmt/format.h>

#include "core/json_writer.h"
#include "gateway/aws/aws_error.h"
#include "gateway/aws/value_json.h"
#include "gateway/firehose/backup_bucket.h"
#include "gateway/firehose/s3_destination.h"

namespace mainstem::gateway::firehose {
namespace {

using aws::InvalidArgument;
using aws::Value;

constexpr int64_t kRetrySeconds = 300;

int64_t RetrySecondsOf(const Value& configuration) {
  return aws::IntegerOf(configuration["RetryOptions"]["DurationInSeconds"]).value_or(kRetrySeconds);
}

std::string_view EncodingOf(const Value& configuration) {
  const std::string_view given = configuration["RequestConfiguration"]["ContentEncoding"].text;
  return given.empty() ? "NONE" : given;
}

std::string CommonAttributesOf(const Value& configuration) {
  const Value& attributes = configuration["RequestConfiguration"]["CommonAttributes"];
  if (attributes.members.empty()) return "";
  JsonWriter json;
  json.BeginObject().Key("commonAttributes").BeginObject();
  for (const aws::Member& attribute : attributes.members) {
    json.Field(attribute.value["AttributeName"].text, attribute.value["AttributeValue"].text);
  }
  json.EndObject().EndObject();
  return json.Take();
}

}  // namespace

Result<std::map<std::string, std::string>> EndpointOptionsOf(const Value& configuration,
                                                             const std::string& arn) {
  if (configuration["ProcessingConfiguration"]["Enabled"].boolean) {
    return InvalidArgument("Processing for HTTP endpoints is not available here.");
  }
  if (configuration["SecretsManagerConfiguration"]["Enabled"].boolean) {
    return InvalidArgument("Secrets Manager is not available here.");
  }
  const Value& endpoint = configuration["EndpointConfiguration"];
  ASSIGN_OR_RETURN(const Buffer buffer, BufferOf(configuration));
  std::map<std::string, std::string> options{
      {"connector", "firehose-endpoint"},
      {"url", std::string(endpoint["Url"].text)},
      {"source-arn", arn},
      {"content-encoding", EncodingOf(configuration) == "GZIP" ? "gzip" : "none"},
      {"sink.buffer.size", fmt::format("{}MB", buffer.megabytes)},
      {"sink.buffer.interval", fmt::format("{} s", buffer.seconds)},
      {"sink.retry.duration", fmt::format("{} s", RetrySecondsOf(configuration))},
      // All that can't be delivered goes to the bucket.
      {"sink.bad-records", "quarantine"},
      {"sink.bad-records.max", "9223372036854775807"}};
  if (!endpoint["AccessKey"].text.empty()) options["access-key"] = endpoint["AccessKey"].text;
  std::string attributes = CommonAttributesOf(configuration);
  if (!attributes.empty()) options["common-attributes"] = std::move(attributes);
  return options;
}

void DescribeHttp(const Value& configuration, aws::BodyWriter* answer) {
  const Value& endpoint = configuration["EndpointConfiguration"];
  answer->Key("EndpointConfiguration").BeginMap().Field("Url", endpoint["Url"].text);
  if (!endpoint["Name"].is_null()) answer->Field("Name", endpoint["Name"].text);
  answer->EndMap();
  DescribeBuffer(configuration, answer);
  answer->Key("RequestConfiguration").BeginMap();
  answer->Field("ContentEncoding", EncodingOf(configuration)).Key("CommonAttributes");
  const Value& attributes = configuration["RequestConfiguration"]["CommonAttributes"];
  if (attributes.is_null()) {
    answer->BeginList().EndList();
  } else {
    aws::CopyValue(attributes, answer);
  }
  answer->EndMap();
  for (std::string_view name : {"CloudWatchLoggingOptions", "ProcessingConfiguration", "RoleARN"}) {
    if (configuration[name].is_null()) continue;
    answer->Key(name);
    aws::CopyValue(configuration[name], answer);
  }
  answer->Key("RetryOptions").BeginMap().Key("DurationInSeconds");
  answer->Integer(RetrySecondsOf(configuration)).EndMap();
  DescribeBackup(configuration, {.all = "AllData", .failed = "FailedDataOnly"}, answer);
}

}  // namespace mainstem::gateway::firehose
