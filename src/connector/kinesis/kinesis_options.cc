#include "connector/kinesis/kinesis_options.h"

#include <absl/strings/match.h>
#include <fmt/format.h>

namespace mainstem::connector {
namespace {

// What older versions of the connector called it, and what it is now.
constexpr std::pair<std::string_view, std::string_view> kOldNames[] = {
    {"stream", "'stream.arn' = 'arn:aws:kinesis:REGION:ACCOUNT:stream/NAME'"},
    {"scan.stream.initpos-timestamp-format", "'source.init.timestamp.format'"},
    {"scan.stream.initpos-timestamp", "'source.init.timestamp'"},
    {"scan.stream.initpos", "'source.init.position'"},
    {"scan.stream.recordpublisher", "'source.reader.type'"},
    {"scan.stream.efo.", "'source.efo.consumer.name' and others of 'source.efo.'"},
    {"scan.shard.discovery.intervalmillis", "'source.shard.discovery.interval'"},
    {"scan.shard.getrecords.maxrecordcount", "'source.shard.get-records.max-record-count'"},
    {"scan.", "the options 'source.*'"},
    {"sink.producer.record-max-buffered-time", "'sink.flush-buffer.timeout'"},
    {"sink.producer.collection-max-size", "'sink.batch.max-size'"},
    {"sink.producer.collection-max-count", "'sink.requests.max-inflight'"},
    {"sink.producer.fail-on-error", "'sink.fail-on-error'"},
    {"sink.producer.", "the options 'sink.*'; 'aws.endpoint' for the address"},
};

// Options of this name that all connectors know.
constexpr std::string_view kCommonScanOptions[] = {"scan.parallelism", "scan.watermark.",
                                                   "scan.bad-records"};

void RefuseOldNames(const TableDescriptor& table, TableOptions* options) {
  for (const auto& [name, value] : table.options) {
    bool is_common = false;
    for (std::string_view common : kCommonScanOptions) is_common |= name.starts_with(common);
    if (is_common) continue;
    for (const auto& [old, now] : kOldNames) {
      const bool is_prefix = old.back() == '.';
      if (is_prefix ? !name.starts_with(old) : name != old) continue;
      options->Fail(name, "is of the connector's older versions", fmt::format("now: {}", now));
      break;
    }
  }
}

// "arn:aws:kinesis:us-east-1:123456789012:stream/clicks"
std::string StreamNameOf(const std::string& arn) {
  constexpr std::string_view kBefore = ":stream/";
  const size_t at = arn.find(kBefore);
  const bool is_arn = arn.starts_with("arn:aws") && arn.find(":kinesis:") < at;
  return is_arn && at != std::string::npos ? arn.substr(at + kBefore.size()) : "";
}

std::string AmazonsEndpoint(const std::string& region) {
  return fmt::format("https://kinesis.{}.amazonaws.com{}", region,
                     absl::StartsWith(region, "cn-") ? ".cn" : "");
}

void ReadKeys(TableOptions* options, KinesisOptions* result) {
  result->keys = {.access_key = options->Text("aws.credentials.basic.accesskeyid", ""),
                  .secret_key = options->Text("aws.credentials.basic.secretkey", ""),
                  .session_token = options->Text("aws.credentials.basic.sessiontoken", "")};
  const bool has_keys = !result->keys.access_key.empty() || !result->keys.secret_key.empty();
  constexpr KeyProvider kProviders[] = {KeyProvider::kAuto, KeyProvider::kBasic,
                                        KeyProvider::kVariables, KeyProvider::kProfile};
  const std::string given = options->Text("aws.credentials.provider", "");
  for (const char* other : {"ASSUME_ROLE", "WEB_IDENTITY_TOKEN", "CUSTOM", "SYS_PROP"}) {
    if (given != other) continue;
    options->Fail("aws.credentials.provider", given + " is not supported",
                  "AUTO, BASIC, ENV_VAR and PROFILE are; keys of a role: aws configure "
                  "export-credentials");
    return;
  }
  // As in Flink: keys that are given count without a word.
  const size_t chosen = options->Choice("aws.credentials.provider",
                                        {"AUTO", "BASIC", "ENV_VAR", "PROFILE"}, has_keys ? 1 : 0);
  result->provider = kProviders[chosen];
  result->profile_path = options->Text("aws.credentials.profile.path", "");
  result->profile_name = options->Text("aws.credentials.profile.name", "");
  const bool has_both = !result->keys.access_key.empty() && !result->keys.secret_key.empty();
  if (result->provider == KeyProvider::kBasic && !has_both) {
    options->Fail("aws.credentials.basic.accesskeyid",
                  "and 'aws.credentials.basic.secretkey' belong together");
  }
}

}  // namespace

Result<KinesisOptions> KinesisOptionsOf(const TableDescriptor& table, const S3Defaults& defaults) {
  TableOptions options(table);
  RefuseOldNames(table, &options);
  KinesisOptions result;
  result.table_name = table.name;
  result.defaults = defaults;
  result.stream_arn = options.Text("stream.arn", "");
  result.stream = StreamNameOf(result.stream_arn);
  if (result.stream.empty()) {
    options.Fail("stream.arn", "must look like arn:aws:kinesis:REGION:ACCOUNT:stream/NAME");
  }
  result.region = options.Text("aws.region", "");
  if (result.region.empty() || !MayBeRegion(result.region)) {
    options.Fail("aws.region", "must be the name of a region", "'eu-central-1', say");
  }
  ReadKeys(&options, &result);
  result.verifies_peer = !options.Bool("aws.trust.all.certificates", false);
  result.ca_file = defaults.Variable("AWS_CA_BUNDLE");
  RETURN_IF_ERROR(options.status());
  result.endpoint = options.Text("aws.endpoint", "");
  for (const char* variable : {"AWS_ENDPOINT_URL_KINESIS", "AWS_ENDPOINT_URL"}) {
    if (result.endpoint.empty()) result.endpoint = defaults.Variable(variable);
  }
  if (result.endpoint.empty()) result.endpoint = AmazonsEndpoint(result.region);
  ASSIGN_OR_RETURN(result.endpoint, CheckEndpoint(table, "aws.endpoint", result.endpoint));
  return result;
}

std::vector<OptionSpec> KinesisOptionSpecs() {
  return {
      {.name = "stream.arn",
       .documentation = "arn:aws:kinesis:REGION:ACCOUNT:stream/NAME",
       .required = true},
      {.name = "aws.region", .documentation = "region of the stream", .required = true},
      {.name = "aws.endpoint",
       .documentation = "address of the service, also this node's own; default: "
                        "AWS_ENDPOINT_URL_KINESIS, AWS_ENDPOINT_URL, else Amazon's of the region"},
      {.name = "aws.credentials.provider",
       .default_value = "AUTO",
       .documentation = "AUTO (variables, then the profile) | ENV_VAR | PROFILE | BASIC"},
      {.name = "aws.credentials.basic.accesskeyid", .documentation = "of BASIC"},
      {.name = "aws.credentials.basic.secretkey", .documentation = "of BASIC", .secret = true},
      {.name = "aws.credentials.basic.sessiontoken",
       .documentation = "of BASIC, of keys that expire (ours)",
       .secret = true},
      {.name = "aws.credentials.profile.path", .documentation = "file of PROFILE"},
      {.name = "aws.credentials.profile.name",
       .documentation = "name of PROFILE; default: AWS_PROFILE, else 'default'"},
      {.name = "aws.credentials.role.*", .documentation = "of ASSUME_ROLE: not supported"},
      {.name = "aws.credentials.webIdentityToken.file", .documentation = "not supported"},
      {.name = "aws.credentials.custom.*", .documentation = "of CUSTOM: not supported"},
      {.name = "aws.trust.all.certificates",
       .default_value = "false",
       .documentation = "true: any certificate of the server is taken"},
      {.name = "aws.http.protocol.version", .documentation = "accepted, without effect"},
      {.name = "aws.http-client.*", .documentation = "accepted, without effect"},
      {.name = "stream", .documentation = "of older versions: refused, with the new name"},
      {.name = "scan.*", .documentation = "of older versions: refused, with the new name"},
      {.name = "sink.producer.*", .documentation = "of older versions: refused, with the new name"},
  };
}

Task<AwsKeys> LoadKinesisKeys(Files* files, KinesisOptions options) {
  if (options.provider == KeyProvider::kBasic) co_return options.keys;
  S3Defaults& places = options.defaults;
  std::string looked_at = "AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, and the profile";
  if (options.provider == KeyProvider::kVariables) {
    looked_at = "AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY";
    for (const char* name : {"HOME", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"}) {
      places.environment.erase(name);
    }
  }
  if (options.provider == KeyProvider::kProfile) {
    looked_at = "the profile";
    places.environment.erase("AWS_ACCESS_KEY_ID");
    if (!options.profile_path.empty()) {
      places.environment["AWS_SHARED_CREDENTIALS_FILE"] = options.profile_path;
    }
    if (!options.profile_name.empty()) places.environment["AWS_PROFILE"] = options.profile_name;
  }
  Result<AwsProfileKeys> found = co_await LoadAwsKeys(files, places);
  if (found.ok()) co_return std::move(found->keys);
  if (!Is(found.status(), ErrorCode::kPermissionDenied)) co_return found.status();
  co_return MakeError(ErrorCode::kPermissionDenied,
                      {.message = "there are no keys for Kinesis",
                       .detail = "looked for " + looked_at,
                       .hint = "set the two variables where the node is started, write the "
                               "profile, or give 'aws.credentials.basic.accesskeyid' and "
                               "'.secretkey'"});
}

}  // namespace mainstem::connector
