// Structured logging: an event and its fields, as "time LEVEL component: event key=value ..." for
// people or as JSON lines for machines. A Logger is a small copyable handle; thread-safe. No
// globals: whoever logs was given one. Functions that return a Status do not log.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/status.h"

namespace spdlog {
class logger;
}

namespace mainstem {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarning, kError };

struct LoggingOptions {
  LogLevel level = LogLevel::kInfo;
  bool json = false;
  std::string file;  // empty: standard error
};

// One key=value of a log line.
struct LogField {
  template <typename T>
  LogField(std::string_view key, const T& value) : key(key), value(fmt::format("{}", value)) {}
  LogField(std::string_view key, const Status& status) : key(key), value(Describe(status)) {}
  std::string_view key;
  std::string value;
};

class Logger {
 public:
  using Fields = std::initializer_list<LogField>;
  static Result<Logger> Make(LoggingOptions options);
  // Drops everything; for tests.
  static Logger Silent();

  // The same log under another component's name ("storage", "job/clicks").
  Logger Named(std::string component) const;
  void Debug(std::string_view event, Fields fields = {}) const;
  void Info(std::string_view event, Fields fields = {}) const;
  void Warning(std::string_view event, Fields fields = {}) const;
  void Error(std::string_view event, Fields fields = {}) const;

 private:
  Logger(std::shared_ptr<spdlog::logger> backend, bool json, std::string component);
  void Write(LogLevel level, std::string_view event, Fields fields) const;

  std::shared_ptr<spdlog::logger> backend_;
  bool json_ = false;
  std::string component_;
};

}  // namespace mainstem
