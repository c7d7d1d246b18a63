// Which keys sign: those of the environment variables, else of a profile in the files that Amazon's
// tools read. Looked up anew when asked, so that files with keys that expire may be replaced.
#pragma once

#include "connector/s3/s3_options.h"
#include "core/env.h"

namespace mainstem::connector {

struct AwsProfileKeys {
  AwsKeys keys;
  std::string region;  // empty: the profile names none
};

// Pure: a profile out of the texts of ~/.aws/credentials and ~/.aws/config. Without keys when none
// is there. kInvalidArgument for a broken file, kUnsupported for a profile whose keys are to be had
// from elsewhere (a role, a process, a login).
Result<AwsProfileKeys> FindAwsProfile(const std::string& name, const std::string& credentials_text,
                                      const std::string& config_text);

// kPermissionDenied, naming the places that were looked at, when there are no keys.
Task<AwsProfileKeys> LoadAwsKeys(Files* files, S3Defaults defaults);

}  // namespace mainstem::connector
