// Every setting of a node in one table, and the typed form the rest of server/ uses.
// docs/configuration.md is made from the table (`mainstem config --markdown`).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "connector/s3/s3_options.h"
#include "core/config.h"
#include "core/logging.h"
#include "core/status.h"

namespace mainstem::server {

struct HostPort {
  std::string host;
  uint16_t port = 0;
};
// "127.0.0.1:9092", "[::1]:0", "localhost:9092".
Result<HostPort> ParseHostPort(const std::string& text);
// With this port instead of the address's own.
std::string Joined(const HostPort& address, uint16_t port);

struct Settings {
  std::string data_dir;
  bool data_is_temporary = false;  // nobody opens it again: set by `mainstem run` for its own
  HostPort kafka_listen;
  std::string kafka_advertised;  // empty: the address that the client used
  HostPort http_listen;
  std::string tls_certificate;  // files, of both HTTP ports; empty: no TLS
  std::string tls_key;
  std::optional<HostPort> aws_listen;  // nothing: no AWS door
  std::string aws_credentials;         // a file; empty: signatures are not checked
  bool aws_limits = false;
  connector::S3Defaults s3;  // without the process' environment
  int64_t memory_bytes = 0;
  size_t shard_count = 0;
  bool auto_create_topics = true;
  int32_t default_partitions = 1;
  int64_t transaction_timeout_max_ms = 0;
  int64_t journal_limit_bytes = 0;
  int64_t journal_checkpoint_interval_ms = 0;
  int64_t checkpoint_interval_ms = 0;
  int32_t default_parallelism = 1;
  bool allow_remote_admin = false;
  std::string cors_origin;
  LoggingOptions logging;
};

const std::vector<ConfigOption>& SettingTable();
Result<Settings> MakeSettings(const Config& config);
// The table of docs/configuration.md.
std::string SettingsAsMarkdown();

}  // namespace mainstem::server
