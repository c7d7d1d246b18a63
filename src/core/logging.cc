#include "core/logging.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "core/json_writer.h"

namespace mainstem {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::info;
}

bool NeedsQuotes(std::string_view value) {
  return value.empty() || value.find_first_of(" \"=\n\r\t") != std::string_view::npos;
}

}  // namespace

Logger::Logger(std::shared_ptr<spdlog::logger> backend, bool json, std::string component)
    : backend_(std::move(backend)), json_(json), component_(std::move(component)) {}

Result<Logger> Logger::Make(LoggingOptions options) {
  spdlog::sink_ptr sink;
  try {
    if (options.file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
    }
  } catch (const spdlog::spdlog_ex& error) {
    return MakeError(ErrorCode::kStorageError,
                     {.message = fmt::format("cannot open the log file '{}'", options.file),
                      .detail = error.what()});
  }
  auto backend = std::make_shared<spdlog::logger>("mainstem", std::move(sink));
  backend->set_level(ToSpdlog(options.level));
  backend->flush_on(spdlog::level::info);
  backend->set_pattern(options.json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})"
                                    : "%Y-%m-%d %H:%M:%S.%e %L %v",
                       spdlog::pattern_time_type::utc);
  return Logger(std::move(backend), options.json, "node");
}

Logger Logger::Silent() {
  return Logger(
      std::make_shared<spdlog::logger>("silent", std::make_shared<spdlog::sinks::null_sink_mt>()),
      false, "");
}

Logger Logger::Named(std::string component) const {
  return Logger(backend_, json_, std::move(component));
}

void Logger::Debug(std::string_view event, Fields fields) const {
  Write(LogLevel::kDebug, event, fields);
}
void Logger::Info(std::string_view event, Fields fields) const {
  Write(LogLevel::kInfo, event, fields);
}
void Logger::Warning(std::string_view event, Fields fields) const {
  Write(LogLevel::kWarning, event, fields);
}
void Logger::Error(std::string_view event, Fields fields) const {
  Write(LogLevel::kError, event, fields);
}

void Logger::Write(LogLevel level, std::string_view event, Fields fields) const {
  if (!backend_->should_log(ToSpdlog(level))) return;
  std::string line;
  if (json_) {
    line += "\"component\":";
    line += JsonQuote(component_);
    line += ",\"event\":";
    line += JsonQuote(event);
    for (const LogField& field : fields) {
      line += ',';
      line += JsonQuote(field.key);
      line += ':';
      line += JsonQuote(field.value);
    }
  } else {
    line = fmt::format("{}: {}", component_, event);
    for (const LogField& field : fields) {
      line += fmt::format(" {}=", field.key);
      if (NeedsQuotes(field.value)) {
        line += JsonQuote(field.value);
      } else {
        line += field.value;
      }
    }
  }
  backend_->log(ToSpdlog(level), "{}", line);
}

}  // namespace mainstem
