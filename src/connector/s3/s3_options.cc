#include "connector/s3/s3_options.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <fmt/format.h>

#include "connector/http/http_session.h"

namespace mainstem::connector {
namespace {

// All that this program and Amazon's tools both know.
constexpr const char* kVariables[] = {"AWS_ACCESS_KEY_ID",
                                      "AWS_SECRET_ACCESS_KEY",
                                      "AWS_SESSION_TOKEN",
                                      "AWS_PROFILE",
                                      "AWS_SHARED_CREDENTIALS_FILE",
                                      "AWS_CONFIG_FILE",
                                      "AWS_REGION",
                                      "AWS_DEFAULT_REGION",
                                      "AWS_ENDPOINT_URL",
                                      "AWS_ENDPOINT_URL_S3",
                                      "AWS_ENDPOINT_URL_KINESIS",
                                      "AWS_CA_BUNDLE",
                                      "HOME"};

std::string FirstSet(std::initializer_list<std::string> values) {
  for (const std::string& value : values) {
    if (!value.empty()) return value;
  }
  return "";
}

// An address of digits, or this machine: no name can stand in front of it.
bool TakesNoBucketName(const std::string& host) {
  std::string name = host.substr(0, host.rfind(':'));
  return name == "localhost" || host.front() == '[' ||
         name.find_first_not_of("0123456789.") == std::string::npos;
}

}  // namespace

bool IsS3Path(std::string_view path) {
  return path.starts_with("s3://") || path.starts_with("s3a://");
}

Result<S3Location> ParseS3Path(const std::string& path) {
  std::string rest = path.substr(path.find("://") + 3);
  size_t slash = rest.find('/');
  S3Location location{.bucket = rest.substr(0, slash), .key = ""};
  if (slash != std::string::npos) location.key = rest.substr(slash + 1);
  while (absl::StartsWith(location.key, "/")) location.key.erase(0, 1);
  while (absl::EndsWith(location.key, "/")) location.key.pop_back();
  bool is_name = location.bucket.size() >= 3 && location.bucket.size() <= 63;
  for (char c : location.bucket) {
    is_name &=
        absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_';
  }
  if (!is_name || location.bucket.find("..") != std::string::npos) {
    return MakeError(ErrorCode::kInvalidArgument,
                     {.message = "'" + location.bucket + "' is not the name of a bucket",
                      .hint = "write the path as s3://bucket/folder"});
  }
  return location;
}

std::string S3Defaults::Variable(const std::string& name) const {
  auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

std::map<std::string, std::string> S3Environment(
    const std::function<std::optional<std::string>(const std::string&)>& get) {
  std::map<std::string, std::string> set;
  for (const char* name : kVariables) {
    if (auto value = get(name).value_or(""); !value.empty()) set[name] = std::move(value);
  }
  return set;
}

Result<std::string> CheckEndpoint(const TableDescriptor& table, const std::string& option,
                                  std::string given) {
  if (given.find("://") == std::string::npos) given.insert(0, "https://");
  Result<std::string> checked = CheckHttpUrl(given);
  if (checked.ok()) return checked;
  return MakeError(ErrorCode::kInvalidArgument, "table '" + table.name + "': '" + option +
                                                    "': " + TextOf(checked.status()).message);
}

bool MayBeRegion(std::string_view name) {
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == name.npos;
}

Result<S3Options> S3OptionsOf(const TableDescriptor& table, const S3Defaults& defaults) {
  TableOptions options(table);
  S3Options result;
  result.defaults = defaults;
  result.endpoint =
      FirstSet({options.Text("s3.endpoint", ""), defaults.endpoint,
                defaults.Variable("AWS_ENDPOINT_URL_S3"), defaults.Variable("AWS_ENDPOINT_URL")});
  if (!result.endpoint.empty()) {
    ASSIGN_OR_RETURN(result.endpoint, CheckEndpoint(table, "s3.endpoint", result.endpoint));
  }
  result.region =
      FirstSet({options.Text("s3.endpoint.region", ""), defaults.region,
                defaults.Variable("AWS_REGION"), defaults.Variable("AWS_DEFAULT_REGION")});
  if (!MayBeRegion(result.region)) {
    options.Fail("s3.endpoint.region", "is not the name of a region");
  }
  result.path_style = defaults.path_style;
  if (options.Has("s3.path.style.access")) {
    result.path_style = options.Bool("s3.path.style.access", false);
  }
  result.keys = {.access_key = options.Text("s3.access-key", ""),
                 .secret_key = options.Text("s3.secret-key", ""),
                 .session_token = options.Text("s3.session-token", "")};
  if (result.keys.access_key.empty() != result.keys.secret_key.empty()) {
    options.Fail(result.keys.access_key.empty() ? "s3.access-key" : "s3.secret-key",
                 "is missing: the two belong together");
  }
  RETURN_IF_ERROR(options.status());
  return result;
}

std::vector<OptionSpec> S3OptionSpecs() {
  return {{.name = "s3.endpoint",
           .documentation = "address of the server; default: Amazon's of the region"},
          {.name = "s3.endpoint.region", .documentation = "region; default: the bucket's"},
          {.name = "s3.path.style.access",
           .documentation = "true: the bucket stands in the path, not before the host's name"},
          {.name = "s3.access-key",
           .documentation = "default: AWS_ACCESS_KEY_ID, else ~/.aws/credentials"},
          {.name = "s3.secret-key",
           .documentation = "default: AWS_SECRET_ACCESS_KEY, else ~/.aws/credentials",
           .secret = true},
          {.name = "s3.session-token",
           .documentation = "of keys that expire; default: AWS_SESSION_TOKEN (ours)",
           .secret = true}};
}

S3Address AddressOfBucket(const S3Options& options, const std::string& bucket,
                          const std::string& region) {
  std::string endpoint = options.endpoint;
  if (endpoint.empty()) {
    endpoint = fmt::format("https://s3.{}.amazonaws.com{}", region,
                           absl::StartsWith(region, "cn-") ? ".cn" : "");
  }
  size_t host_begin = endpoint.find("://") + 3;
  size_t path_begin = std::min(endpoint.find('/', host_begin), endpoint.size());
  std::string scheme = endpoint.substr(0, host_begin);
  std::string host = endpoint.substr(host_begin, path_begin - host_begin);
  std::string path = endpoint.substr(path_begin);
  // A certificate's wildcard covers one name, without a dot.
  bool by_path =
      options.path_style.value_or(TakesNoBucketName(host) || absl::StrContains(bucket, "."));
  if (!by_path) host = bucket + "." + host;
  return {
      .origin = scheme + host, .host = host, .path_prefix = by_path ? path + "/" + bucket : path};
}

}  // namespace mainstem::connector
