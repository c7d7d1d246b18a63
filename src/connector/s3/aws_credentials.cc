#include "connector/s3/aws_credentials.h"

#include "core/net/aws_profiles.h"

namespace mainstem::connector {
namespace {

constexpr size_t kMaxProfileBytes = size_t{1} << 20;

// How a profile says that its keys come from elsewhere.
constexpr const char* kOtherWays[] = {"role_arn", "credential_process", "sso_session",
                                      "sso_start_url", "web_identity_token_file"};

// Names in ~/.aws/config are "profile x", but for the default one.
Result<net::AwsProfile> FindProfile(const std::string& name, const std::string& text,
                                    const std::string& what) {
  Result<std::vector<net::AwsProfile>> profiles = net::ParseAwsProfiles(text);
  if (!profiles.ok()) {
    ErrorText error = TextOf(profiles.status());
    error.message = what + ": " + error.message;
    return MakeError(CodeOf(profiles.status()), std::move(error));
  }
  for (net::AwsProfile& profile : *profiles) {
    if (profile.name == name || profile.name == "profile " + name) return std::move(profile);
  }
  return net::AwsProfile();
}

Task<std::string> ReadProfiles(Files* files, std::string path) {
  if (path.empty()) co_return std::string();
  CO_ASSIGN_OR_RETURN(bool exists, co_await files->Exists(path));
  if (!exists) co_return std::string();
  co_return co_await files->ReadAll(std::move(path), kMaxProfileBytes);
}

// `variable` names the file, else it is `name` in the user's folder; empty: there is none.
std::string ProfilePath(const S3Defaults& defaults, const std::string& variable,
                        const std::string& name) {
  std::string path = defaults.Variable(variable);
  if (!path.empty()) return path;
  std::string home = defaults.Variable("HOME");
  return home.empty() ? "" : home + "/.aws/" + name;
}

}  // namespace

Result<AwsProfileKeys> FindAwsProfile(const std::string& name, const std::string& credentials_text,
                                      const std::string& config_text) {
  ASSIGN_OR_RETURN(net::AwsProfile secret,
                   FindProfile(name, credentials_text, "the file of AWS credentials"));
  ASSIGN_OR_RETURN(net::AwsProfile config, FindProfile(name, config_text, "the AWS config file"));
  AwsProfileKeys found;
  found.region = config.Find("region").empty() ? secret.Find("region") : config.Find("region");
  for (const net::AwsProfile* profile : {&secret, &config}) {
    if (!found.keys.access_key.empty()) break;
    found.keys = {.access_key = profile->Find("aws_access_key_id"),
                  .secret_key = profile->Find("aws_secret_access_key"),
                  .session_token = profile->Find("aws_session_token")};
  }
  if (!found.keys.access_key.empty() && !found.keys.secret_key.empty()) return found;
  found.keys = {};
  for (const char* way : kOtherWays) {
    if (secret.Find(way).empty() && config.Find(way).empty()) continue;
    return MakeError(ErrorCode::kUnsupported,
                     {.message = "the AWS profile '" + name + "' has its keys by '" + way +
                                 "', which is not supported",
                      .hint = "write keys into the profile: aws configure export-credentials "
                              "--profile " +
                              name});
  }
  return found;
}

Task<AwsProfileKeys> LoadAwsKeys(Files* files, S3Defaults defaults) {
  std::string name = defaults.Variable("AWS_PROFILE");
  if (name.empty()) name = "default";
  AwsProfileKeys found;
  found.keys = {.access_key = defaults.Variable("AWS_ACCESS_KEY_ID"),
                .secret_key = defaults.Variable("AWS_SECRET_ACCESS_KEY"),
                .session_token = defaults.Variable("AWS_SESSION_TOKEN")};
  bool has_variables = !found.keys.access_key.empty() && !found.keys.secret_key.empty();
  std::string path = ProfilePath(defaults, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
  CO_ASSIGN_OR_RETURN(
      std::string config,
      co_await ReadProfiles(files, ProfilePath(defaults, "AWS_CONFIG_FILE", "config")));
  if (has_variables) {
    Result<AwsProfileKeys> profile = FindAwsProfile(name, "", config);
    if (profile.ok()) found.region = profile->region;  // else it is not needed
    co_return found;
  }
  CO_ASSIGN_OR_RETURN(std::string credentials, co_await ReadProfiles(files, path));
  CO_ASSIGN_OR_RETURN(found, FindAwsProfile(name, credentials, config));
  if (!found.keys.access_key.empty()) co_return found;
  co_return MakeError(
      ErrorCode::kPermissionDenied,
      {.message = "there are no keys for S3",
       .detail =
           "looked for 's3.access-key', AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, and the "
           "profile '" +
           name + "' in " + (path.empty() ? "no file" : path),
       .hint = "set the two variables where the node is started, or write the profile"});
}

}  // namespace mainstem::connector
