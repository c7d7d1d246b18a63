// Files in the form of ~/.aws/credentials and ~/.aws/config: "[name]" and "key = value" lines.
// Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace mainstem::net {

// How to write one, for hints.
inline constexpr const char* kAwsProfileHint =
    "write it like ~/.aws/credentials: [name], aws_access_key_id = .., aws_secret_access_key = ..";

struct AwsProfile {
  std::string name;
  int line = 0;  // where it begins
  std::map<std::string, std::string> values = {};

  // Empty when there is none of that name.
  std::string Find(const std::string& key) const;
};

// In the order of the file; what stands before the first name is a profile without one, and values
// of a nested setting count as the profile's own. kInvalidArgument, naming the line but nothing of
// it, for what is no such file.
Result<std::vector<AwsProfile>> ParseAwsProfiles(std::string_view text);

}  // namespace mainstem::net
