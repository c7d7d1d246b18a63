// Tokens that a client hands back: shard iterators, next tokens. Stateless and opaque: what they
// say, when they were made, and a keyed hash over both, in base64, so that one made up by somebody
// else is known. The key is kept in the log, so tokens survive a restart. Immutable; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/env.h"
#include "core/status.h"
#include "storage/log.h"

namespace mainstem::gateway::aws {

class TokenSealer {
 public:
  // `key`: 32 random bytes.
  explicit TokenSealer(std::string key) : key_(std::move(key)) {}
  // Makes the key on a node's first start.
  static Task<TokenSealer> Open(Env* env, storage::Log* log);

  struct Token {
    int64_t made_ms = 0;
    std::string payload;
  };
  // Base64 of: version u8 (1) | kind u8 | made_ms i64 | payload | the first 16 bytes of
  // HMAC-SHA256 over all before. Big-endian.
  std::string Seal(char kind, const Token& token) const;
  // Nothing unless Seal made it, of that kind, with the same key.
  std::optional<Token> Unseal(char kind, std::string_view text) const;

 private:
  std::string Hash(std::string_view bytes) const;

  std::string key_;
};

}  // namespace mainstem::gateway::aws
