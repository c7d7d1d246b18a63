#include "gateway/firehose/opensearch_destination.h"

#include <fmt/format.h>

#include "gateway/aws/aws_error.h"
#include "gateway/aws/value_json.h"
#include "gateway/firehose/backup_bucket.h"
#include "gateway/firehose/s3_destination.h"

namespace mainstem::gateway::firehose {
namespace {

using aws::InvalidArgument;
using aws::Value;

constexpr int64_t kDocumentRetrySeconds = 300;
constexpr std::string_view kDefaultRotation = "OneDay";
constexpr std::string_view kOwnIds = "FIREHOSE_DEFAULT";

struct Rotation {
  std::string_view name;    // Amazon's
  std::string_view option;  // ours
};
constexpr Rotation kRotations[] = {{"NoRotation", "none"},
                                   {"OneHour", "hour"},
                                   {"OneDay", "day"},
                                   {"OneWeek", "week"},
                                   {"OneMonth", "month"}};

std::string_view RotationOf(const Value& configuration) {
  const std::string_view given = configuration["IndexRotationPeriod"].text;
  return given.empty() ? kDefaultRotation : given;
}

std::string_view IdFormatOf(const Value& configuration) {
  const std::string_view given = configuration["DocumentIdOptions"]["DefaultDocumentIdFormat"].text;
  return given.empty() ? kOwnIds : given;
}

int64_t DocumentRetrySecondsOf(const Value& configuration) {
  return aws::IntegerOf(configuration["RetryOptions"]["DurationInSeconds"])
      .value_or(kDocumentRetrySeconds);
}

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string PercentDecoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_code = text[i] == '%' && i + 2 < text.size() && DigitOf(text[i + 1]) >= 0 &&
                         DigitOf(text[i + 2]) >= 0;
    if (!is_code) {
      decoded += text[i];
      continue;
    }
    decoded += static_cast<char>(DigitOf(text[i + 1]) * 16 + DigitOf(text[i + 2]));
    i += 2;
  }
  return decoded;
}

// "https://user:password@host:port" taken apart, percent-encoded parts decoded.
struct ClusterEndpoint {
  std::string url;
  std::string username = {};
  std::string password = {};
};

ClusterEndpoint EndpointOf(const Value& configuration) {
  const std::string_view given = configuration["ClusterEndpoint"].text;
  ClusterEndpoint endpoint{.url = std::string(given)};
  const size_t begin = given.find("://");
  if (begin == std::string_view::npos) return endpoint;
  std::string_view authority = given.substr(begin + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  const size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return endpoint;
  const std::string_view user = authority.substr(0, at);
  const size_t colon = user.find(':');
  endpoint.url.erase(begin + 3, at + 1);
  endpoint.username = PercentDecoded(user.substr(0, colon));
  if (colon != std::string_view::npos) {
    endpoint.password = PercentDecoded(user.substr(colon + 1));
  }
  return endpoint;
}

Status CheckDocumentsAvailable(const Value& configuration) {
  if (!configuration["TypeName"].text.empty()) {
    return InvalidArgument("Types are deprecated in OpenSearch. TypeName must be empty.");
  }
  const bool has_domain = !configuration["DomainARN"].is_null();
  if (has_domain == !configuration["ClusterEndpoint"].is_null()) {
    return InvalidArgument("Either ClusterEndpoint or DomainARN is to be given.");
  }
  if (has_domain) {
    return InvalidArgument("DomainARN is not available here: give the domain's ClusterEndpoint.");
  }
  if (!configuration["VpcConfiguration"].is_null()) {
    return InvalidArgument("VpcConfiguration is not available here.");
  }
  if (configuration["ProcessingConfiguration"]["Enabled"].boolean) {
    return InvalidArgument("Processing for OpenSearch is not available here.");
  }
  return Status::OK();
}

}  // namespace

Result<std::map<std::string, std::string>> DocumentOptionsOf(const Value& configuration,
                                                             const std::string& stream_id) {
  RETURN_IF_ERROR(CheckDocumentsAvailable(configuration));
  ASSIGN_OR_RETURN(const Buffer buffer, BufferOf(configuration));
  const ClusterEndpoint endpoint = EndpointOf(configuration);
  std::map<std::string, std::string> options{
      {"connector", "firehose-opensearch"},
      {"url", endpoint.url},
      {"index", std::string(configuration["IndexName"].text)},
      {"sink.buffer.size", fmt::format("{}MB", buffer.megabytes)},
      {"sink.buffer.interval", fmt::format("{} s", buffer.seconds)},
      {"sink.retry.duration", fmt::format("{} s", DocumentRetrySecondsOf(configuration))},
      // All that can't be delivered goes to the bucket.
      {"sink.bad-records", "quarantine"},
      {"sink.bad-records.max", "9223372036854775807"}};
  for (const Rotation& rotation : kRotations) {
    if (rotation.name == RotationOf(configuration)) options["index.rotation"] = rotation.option;
  }
  if (IdFormatOf(configuration) == kOwnIds) options["document-id.prefix"] = stream_id;
  if (!endpoint.username.empty()) options["username"] = endpoint.username;
  if (!endpoint.password.empty()) options["password"] = endpoint.password;
  return options;
}

void DescribeOpenSearch(const Value& configuration, aws::BodyWriter* answer) {
  answer->Field("RoleARN", configuration["RoleARN"].text);
  answer->Field("ClusterEndpoint", EndpointOf(configuration).url);
  answer->Field("IndexName", configuration["IndexName"].text);
  answer->Field("IndexRotationPeriod", RotationOf(configuration));
  DescribeBuffer(configuration, answer);
  answer->Key("RetryOptions").BeginMap().Key("DurationInSeconds");
  answer->Integer(DocumentRetrySecondsOf(configuration)).EndMap();
  for (std::string_view name : {"CloudWatchLoggingOptions", "ProcessingConfiguration"}) {
    if (configuration[name].is_null()) continue;
    answer->Key(name);
    aws::CopyValue(configuration[name], answer);
  }
  answer->Key("DocumentIdOptions").BeginMap();
  answer->Field("DefaultDocumentIdFormat", IdFormatOf(configuration)).EndMap();
  DescribeBackup(configuration, {.all = "AllDocuments", .failed = "FailedDocumentsOnly"}, answer);
}

}  // namespace mainstem::gateway::firehose
