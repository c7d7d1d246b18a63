#include "connector/shown_option.h"

#include <algorithm>
#include <array>
#include <vector>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_split.h>

namespace mainstem::connector {
namespace {

constexpr std::string_view kHidden = "******";

bool NamesSecret(std::string_view name) {
  const std::string lower = absl::AsciiStrToLower(std::string(name));
  // A file's place is none.
  if (absl::EndsWith(lower, "file") || absl::StrContains(lower, "-file.")) return false;
  // "header.Authorization" of a webhook.
  if (absl::StartsWith(lower, "header.") || absl::EndsWith(lower, "key.pem")) return true;
  return HoldsSecretWord(lower);
}

bool IsSecretParameter(std::string_view name) {
  static constexpr std::array<std::string_view, 6> kWhole = {"key",    "sig",     "signature",
                                                             "apikey", "api_key", "api-key"};
  const std::string lower = absl::AsciiStrToLower(std::string(name));
  return NamesSecret(name) || std::find(kWhole.begin(), kWhole.end(), lower) != kWhole.end();
}

// "user:password@host" of an address, and its parameters.
std::string WithoutPasswords(const std::string& value) {
  size_t scheme = value.find("://");
  if (scheme == std::string::npos) return value;
  size_t host = scheme + 3;
  size_t host_end = std::min(value.find_first_of("/?#", host), value.size());
  std::string authority = value.substr(host, host_end - host);
  size_t user_end = authority.rfind('@');
  size_t colon = authority.find(':');
  if (user_end != std::string::npos && colon < user_end) {
    authority.replace(colon + 1, user_end - colon - 1, kHidden);
  }
  std::string shown = value.substr(0, host) + authority;
  size_t query = std::min(value.find('?', host_end), value.size());
  shown += value.substr(host_end, query - host_end);
  if (query == value.size()) return shown;
  char before = '?';
  std::vector<std::string> parameters = absl::StrSplit(value.substr(query + 1), '&');
  for (const std::string& parameter : parameters) {
    size_t equals = parameter.find('=');
    shown += before;
    before = '&';
    if (equals == std::string::npos || !IsSecretParameter(parameter.substr(0, equals))) {
      shown += parameter;
    } else {
      shown += parameter.substr(0, equals + 1) + std::string(kHidden);
    }
  }
  return shown;
}

}  // namespace

bool HoldsSecretWord(std::string_view text) {
  static constexpr std::array<std::string_view, 10> kWords = {
      "password",   "passwd",    "pwd",       "secret",       "token",
      "credential", "sasl.jaas", "user-info", "keystore.key", "access-key"};
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view word) { return text.find(word) != text.npos; });
}

std::string ShownOption(const std::string& name, const std::string& value) {
  return NamesSecret(name) ? std::string(kHidden) : WithoutPasswords(value);
}

}  // namespace mainstem::connector
