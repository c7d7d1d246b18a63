// The HTTP API of a Confluent schema registry, as much of it as reading and writing Avro needs.
// Private to format/. Calls run on Env's blocking pool (libcurl); one object for a decoder or
// encoder, not shared.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/executor.h"
#include "core/status.h"

namespace mainstem::format {

struct RegistryOptions {
  std::vector<std::string> urls;  // tried in turn
  std::string user_info;          // "user:password"; empty: none
  std::string bearer_token;
  std::string ca_file;           // PEM
  std::string certificate_file;  // PEM or PKCS #12, by its ending
  std::string certificate_password;
};

class SchemaRegistry {
 public:
  explicit SchemaRegistry(RegistryOptions options) : options_(std::move(options)) {}

  // The schema's text. kNotFound: there is none of this id. Retriable when the registry does not
  // answer: tried again with growing pauses for some 20 seconds before that.
  Task<std::string> Find(Env* env, int32_t id);
  // The schema's id; registers it unless `only_find`, which fails with kNotFound.
  struct Subject {
    std::string name;
    bool only_find = false;
  };
  Task<int32_t> Register(Env* env, Subject subject, std::string schema);

 private:
  struct Call {
    std::string path;
    std::string body;  // empty: GET, else POST
  };
  Task<std::string> Run(Env* env, Call call);

  RegistryOptions options_;
};

}  // namespace mainstem::format
