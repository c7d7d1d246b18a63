#include "connector/secret_file.h"

#include <fstream>

#include <absl/strings/ascii.h>

namespace mainstem::connector {
namespace {

constexpr size_t kSecretFileBytesMax = size_t{1} << 20;

Result<std::string> SecretIn(std::string text, const std::string& path) {
  absl::StripTrailingAsciiWhitespace(&text);
  if (!text.empty()) return text;
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = "the file of a secret '" + path + "' is empty",
                    .hint = "write the secret into it: it is read again"});
}

}  // namespace

Task<std::string> ReadSecretFile(Env* env, std::string path) {
  CO_ASSIGN_OR_RETURN(std::string text, co_await env->files().ReadAll(path, kSecretFileBytesMax));
  co_return SecretIn(std::move(text), path);
}

Result<std::string> ReadSecretFileBlocking(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kSecretFileBytesMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (file.eof()) return SecretIn(std::move(text), path);
  return MakeError(ErrorCode::kNotFound,
                   {.message = "cannot read the file of a secret '" + path + "'",
                    .hint = "write it, readable for this process: it is read again"});
}

}  // namespace mainstem::connector
