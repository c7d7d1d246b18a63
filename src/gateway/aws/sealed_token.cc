#include "gateway/aws/sealed_token.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/net/sigv4.h"
#include "gateway/aws/body_codec.h"

namespace mainstem::gateway::aws {
namespace {

constexpr char kTokenVersion = 1;
constexpr size_t kTokenHeadBytes = 10;
constexpr size_t kTokenHashBytes = 16;
constexpr size_t kTokenKeyBytes = 32;
constexpr size_t kTokenBytesMax = 4096;
const char* const kTokenKeyName = "aws/token-key";

}  // namespace

Task<TokenSealer> TokenSealer::Open(Env* env, storage::Log* log) {
  const std::string name = kTokenKeyName;
  CO_ASSIGN_OR_RETURN(auto kept, co_await log->ListMeta(name));
  auto it = kept.find(name);
  if (it != kept.end() && it->second.size() == kTokenKeyBytes) co_return TokenSealer(it->second);
  std::string key;
  for (size_t i = 0; i < kTokenKeyBytes / 8; ++i) {
    uint64_t random = env->Random();
    key.append(reinterpret_cast<const char*>(&random), sizeof random);
  }
  CO_RETURN_IF_ERROR(co_await log->PutMeta(name, key));
  co_return TokenSealer(std::move(key));
}

std::string TokenSealer::Hash(std::string_view bytes) const {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  CHECK(HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
             reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest,
             &size) != nullptr);
  return std::string(reinterpret_cast<char*>(digest), kTokenHashBytes);
}

std::string TokenSealer::Seal(char kind, const Token& token) const {
  std::string bytes{kTokenVersion, kind};
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(static_cast<uint64_t>(token.made_ms) >> shift));
  }
  bytes += token.payload;
  bytes += Hash(bytes);
  std::string out;
  AppendBase64(bytes, &out);
  return out;
}

std::optional<TokenSealer::Token> TokenSealer::Unseal(char kind, std::string_view text) const {
  std::string bytes;
  if (text.size() > kTokenBytesMax || !DecodeBase64(text, &bytes)) return std::nullopt;
  if (bytes.size() < kTokenHeadBytes + kTokenHashBytes) return std::nullopt;
  std::string_view body = std::string_view(bytes).substr(0, bytes.size() - kTokenHashBytes);
  if (!net::EqualsInConstantTime(Hash(body), std::string_view(bytes).substr(body.size()))) {
    return std::nullopt;
  }
  if (body[0] != kTokenVersion || body[1] != kind) return std::nullopt;
  uint64_t made_ms = 0;
  for (size_t i = 2; i < kTokenHeadBytes; ++i) {
    made_ms = made_ms << 8 | static_cast<unsigned char>(body[i]);
  }
  return Token{.made_ms = static_cast<int64_t>(made_ms),
               .payload = std::string(body.substr(kTokenHeadBytes))};
}

}  // namespace mainstem::gateway::aws
