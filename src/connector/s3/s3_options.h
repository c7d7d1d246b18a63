// How a bucket is reached: what the options of a table say, else the node's configuration, else the
// environment variables that Amazon's tools know.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connector/options.h"

namespace mainstem::connector {

// "s3://bucket/a/b", with the schemes s3 and s3a.
struct S3Location {
  std::string bucket;
  std::string key;  // without slashes at both ends; may be empty
};
bool IsS3Path(std::string_view path);
// kInvalidArgument when the bucket's name is none.
Result<S3Location> ParseS3Path(const std::string& path);

struct AwsKeys {
  std::string access_key;
  std::string secret_key;
  std::string session_token;
};

// What does not depend on a table; made once at start.
struct S3Defaults {
  std::string endpoint;  // empty: Amazon's
  std::string region;
  std::optional<bool> path_style;
  // AWS_* variables and HOME, as far as they are set.
  std::map<std::string, std::string> environment;

  std::string Variable(const std::string& name) const;  // empty when it is not set
};
// The variables that are set, and not empty.
std::map<std::string, std::string> S3Environment(
    const std::function<std::optional<std::string>(const std::string&)>& get);

// An endpoint that `option` gave: CheckHttpUrl's, "https" where it names no scheme. The error tells
// nothing of the value, which may hold a password.
Result<std::string> CheckEndpoint(const TableDescriptor& table, const std::string& option,
                                  std::string given);
// Whether it may be one: "eu-central-1"; also when it is empty.
bool MayBeRegion(std::string_view name);

struct S3Options {
  std::string endpoint = {};  // "http://127.0.0.1:9000"; empty: Amazon's
  std::string region = {};    // empty: as the profile or the bucket says
  std::optional<bool> path_style = {};
  AwsKeys keys = {};  // empty: from the environment or a profile
  S3Defaults defaults = {};
};

// 's3.endpoint', 's3.endpoint.region', 's3.path.style.access', 's3.access-key' and 's3.secret-key',
// as Flink calls them. kInvalidArgument, naming option and table, for wrong values.
Result<S3Options> S3OptionsOf(const TableDescriptor& table, const S3Defaults& defaults);
std::vector<OptionSpec> S3OptionSpecs();

// Where a bucket is: "https://bucket.s3.eu-west-1.amazonaws.com" and the path in front of keys.
struct S3Address {
  std::string origin;
  std::string host;         // with the port, as the Host field has it
  std::string path_prefix;  // "/bucket" or empty
};
S3Address AddressOfBucket(const S3Options& options, const std::string& bucket,
                          const std::string& region);

}  // namespace mainstem::connector
