// mainstem produce TOPIC and mainstem consume TOPIC: records in from standard input, one a line,
// and out to standard output, over the node's HTTP door.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>
#include <simdjson.h>
#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/signals.h"
#include "cli/text_table.h"
#include "core/json_writer.h"
#include "core/net/percent_encoding.h"

namespace mainstem::cli {
namespace {

using simdjson::dom::element;

struct ProduceOptions {
  std::string topic;
  std::string key_field;
};

struct ConsumeOptions {
  std::string topic;
  std::string from = "latest";
  int64_t limit = 0;
  bool follow = false;
};

constexpr size_t kFlushBytes = 512 * 1024;
// Records are not held back longer, so that what comes slowly is there soon.
constexpr std::chrono::milliseconds kFlushTime{200};
constexpr int64_t kPageRecords = 1000;  // that the node gives at once

// What the node says of a request whose first line is line `first_line` of the input: its "line 3"
// becomes that of the input, and what was written before is said, so that nobody sends it again.
Status InInput(const Status& status, int64_t first_line) {
  if (first_line == 1) return status;
  ErrorText text = mainstem::TextOf(status);
  constexpr std::string_view kLine = " in line ";
  if (size_t place = text.message.find(kLine); place != std::string::npos) {
    size_t begin = place + kLine.size();
    size_t end = std::min(text.message.find_first_not_of("0123456789", begin), text.message.size());
    int64_t line = 0;
    if (absl::SimpleAtoi(text.message.substr(begin, end - begin), &line)) {
      text.message.replace(begin, end - begin, std::to_string(line + first_line - 1));
    }
  }
  text.hint =
      fmt::format("what stands before line {0} is written; go on with: tail -n +{0}", first_line);
  return MakeError(CodeOf(status), std::move(text));
}

// Lines of standard input as they come, until its end or Ctrl-C.
class InputLines {
 public:
  enum class Kind : uint8_t { kLine, kNothingYet, kEnd };

  // kNothingYet: no whole line came within `patience`.
  Result<Kind> Next(std::string* line, std::optional<std::chrono::milliseconds> patience) {
    for (;;) {
      const size_t end = buffer_.find('\n', searched_);
      if (end != std::string::npos || (has_ended_ && begin_ < buffer_.size())) {
        line->assign(buffer_, begin_, std::min(end, buffer_.size()) - begin_);
        begin_ = searched_ = std::min(end, buffer_.size() - 1) + 1;
        return Kind::kLine;
      }
      if (has_ended_) return Kind::kEnd;
      buffer_.erase(0, begin_);
      begin_ = 0;
      searched_ = buffer_.size();
      if (interrupt_.Take()) return Kind::kEnd;  // half a line is nobody's record
      pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
      const int ready = poll(&input, 1, static_cast<int>(patience.value_or(kLook).count()));
      if (ready == 0 && patience) return Kind::kNothingYet;
      if (ready == 0) continue;
      std::array<char, 65536> piece;
      const ssize_t size = ready < 0 ? -1 : read(STDIN_FILENO, piece.data(), piece.size());
      if (size > 0) {
        buffer_.append(piece.data(), static_cast<size_t>(size));
      } else if (size == 0) {
        has_ended_ = true;
      } else if (errno != EINTR) {
        return MakeError(ErrorCode::kStorageError,
                         "cannot read standard input: " + std::generic_category().message(errno));
      }
    }
  }

 private:
  // How often Ctrl-C is looked at: it may come right before the wait.
  static constexpr std::chrono::milliseconds kLook{500};
  InterruptFlag interrupt_;
  std::string buffer_;
  size_t begin_ = 0;     // of the next line
  size_t searched_ = 0;  // no line's end is before it
  bool has_ended_ = false;
};

Status Produce(const GlobalOptions& globals, const ProduceOptions& options) {
  HttpClient client(globals.node);
  std::string path = "/v1/topics/" + net::PercentEncode(options.topic) + "/events";
  if (!options.key_field.empty()) path += "?key-field=" + net::PercentEncode(options.key_field);
  std::string body, line;
  int64_t count = 0, sent = 0;              // records
  int64_t line_number = 0, first_line = 1;  // read so far; the first of `body`
  auto flush = [&]() -> Status {
    if (body.empty()) return Status::OK();
    auto answer = client.Call(
        {.method = "POST", .path = path, .body = body, .content_type = "application/x-ndjson"});
    if (!answer.ok()) return InInput(answer.status(), first_line);
    sent = count;
    body.clear();
    first_line = line_number + 1;
    return Status::OK();
  };
  if (isatty(STDIN_FILENO)) fmt::print(stderr, "one JSON value a line; Ctrl-D ends\n");
  InputLines input;
  auto send_all = [&]() -> Status {
    using Clock = std::chrono::steady_clock;
    Clock::time_point oldest;
    for (;;) {
      std::optional<std::chrono::milliseconds> patience;
      if (!body.empty()) patience = kFlushTime;
      ASSIGN_OR_RETURN(const InputLines::Kind kind, input.Next(&line, patience));
      if (kind == InputLines::Kind::kEnd) return Status::OK();
      if (kind == InputLines::Kind::kLine) {
        if (body.empty()) oldest = Clock::now();
        ++line_number;
        body += line + "\n";  // empty lines, too: the node counts lines as the input does
        count += line.find_first_not_of(" \t\r") != std::string::npos;
      }
      const bool is_due = kind == InputLines::Kind::kNothingYet || body.size() >= kFlushBytes ||
                          Clock::now() - oldest >= kFlushTime;
      if (is_due) RETURN_IF_ERROR(flush());
    }
  };
  Status status = send_all();
  if (status.ok()) status = flush();
  if (globals.json) {
    fmt::print("{{\"topic\":{},\"written\":{}}}\n", JsonQuote(options.topic), sent);
  } else {
    fmt::print(stderr, "{} record{} written\n", sent, sent == 1 ? "" : "s");
  }
  return status;
}

Status PrintRecord(const GlobalOptions& globals, const element& record) {
  std::string line;
  if (globals.json) {
    line = simdjson::minify(record);
  } else {
    std::string key = TextOf(record, "key"), value = TextOf(record, "value");
    if (key.empty()) key = TextOf(record, "key_base64");
    if (value.empty()) value = TextOf(record, "value_base64");
    line = fmt::format("{} {}@{}{} {}", HumanTime(IntOf(record, "timestamp_ms")),
                       TextOf(record, "partition"), TextOf(record, "offset"),
                       key.empty() ? "" : " [" + key + "]", value);
    if (TextOf(record, "cut") == "true") {
      line += fmt::format(" ... (cut: {} bytes in all)", TextOf(record, "size_bytes"));
    }
    if (isatty(STDOUT_FILENO)) line = Printable(line, false);
  }
  line += "\n";
  bool printed = std::fwrite(line.data(), 1, line.size(), stdout) == line.size();
  return printed && std::fflush(stdout) == 0 ? Status::OK() : CannotPrint(errno);
}

// On standard error, so that what is printed stays records alone.
void TellGap(const element& gap) {
  fmt::print(stderr,
             "mainstem: partition {} has no records at offset {} any more, reading goes on at {}\n",
             TextOf(gap, "partition"), TextOf(gap, "from"), TextOf(gap, "to"));
}

// Of an answer that holds a page of records.
void TellGaps(const element& page) {
  simdjson::dom::array gaps;
  if (page["gaps"].get(gaps)) return;
  for (element gap : gaps) TellGap(gap);
}

// Page after page, bytes that are no text in base64: nothing is cut or left out, so that it can be
// written again or be a test's input. `limit`: records at most.
Status Export(const GlobalOptions& globals, const ConsumeOptions& options, int64_t limit) {
  HttpClient client(globals.node);
  std::string from = options.from;
  for (int64_t left = limit; left > 0;) {
    std::string path =
        fmt::format("/v1/topics/{}/events?from={}&limit={}", net::PercentEncode(options.topic),
                    net::PercentEncode(from), std::min(left, kPageRecords));
    ASSIGN_OR_RETURN(std::string body, client.Call({.path = path}));
    int64_t count = 0;
    const std::string before = from;
    RETURN_IF_ERROR(WithJson(body, [&](const element& root) {
      TellGaps(root);
      for (element record : root["events"].get_array()) {
        RETURN_IF_ERROR(PrintRecord(globals, record));
        ++count;
      }
      from = TextOf(root, "next");
      return Status::OK();
    }));
    if (count == 0 && from == before) break;
    left -= count;
  }
  return Status::OK();
}

// The error that ends a stream of events.
Status ErrorOf(const std::string& json) {
  return WithJson(json, [](const element& root) {
    return ToldError(root["error"].value(), ErrorCode::kUnavailable);
  });
}

Status Consume(const GlobalOptions& globals, const ConsumeOptions& options) {
  HttpClient client(globals.node);
  std::string topic = net::PercentEncode(options.topic);
  if (!options.follow) {
    // Whoever says where to begin wants what is there.
    const bool is_from_end = options.from == "latest";
    const int64_t default_limit = is_from_end ? 20 : INT64_MAX;
    const int64_t limit = options.limit > 0 ? options.limit : default_limit;
    if (!is_from_end && (globals.json || limit > kPageRecords)) {
      return Export(globals, options, limit);
    }
    std::string from = options.from == "latest" ? fmt::format("-{}", limit) : options.from;
    ASSIGN_OR_RETURN(std::string body,
                     client.Call({.path = fmt::format("/api/v1/topics/{}/records?from={}&limit={}",
                                                      topic, net::PercentEncode(from), limit)}));
    return WithJson(body, [&](const element& root) {
      TellGaps(root);
      for (element record : root["records"].get_array()) {
        RETURN_IF_ERROR(PrintRecord(globals, record));
      }
      return Status::OK();
    });
  }
  int64_t seen = 0;
  Status failed;
  std::string kind, data;  // of the server-sent event whose lines come
  RETURN_IF_ERROR(client.Stream(
      {.path = fmt::format("/v1/topics/{}/events?from={}", topic, net::PercentEncode(options.from)),
       .headers = {"Accept: text/event-stream"}},
      [&](std::string_view line) {
        if (line.starts_with("event:"))
          kind = std::string(absl::StripAsciiWhitespace(std::string(line.substr(6))));
        if (line.starts_with("data:")) data += std::string(line.substr(5)) + "\n";
        if (!line.empty()) return true;
        std::string event = std::exchange(kind, "");
        if (event == "error") {
          failed = ErrorOf(std::exchange(data, ""));
          return false;
        }
        if (data.empty()) return true;
        if (event == "gap") {
          failed = WithJson(std::exchange(data, ""), [](const element& gap) {
            TellGap(gap);
            return Status::OK();
          });
          return failed.ok();
        }
        failed = WithJson(std::exchange(data, ""),
                          [&](const element& root) { return PrintRecord(globals, root); });
        return failed.ok() && (options.limit == 0 || ++seen < options.limit);
      }));
  return failed;
}

}  // namespace

void AddProduceCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen) {
  auto* command = app.add_subcommand("produce", "write JSON lines of standard input to a topic");
  command->footer(
      "Example:\n"
      "  mainstem produce clicks --key-field user < clicks.jsonl\n"
      "  echo '{\"user\":\"a\"}' | mainstem produce clicks");
  auto options = std::make_shared<ProduceOptions>();
  command->add_option("topic", options->topic, "name of the topic")->required();
  command->add_option("-k,--key-field", options->key_field, "member whose value becomes the key");
  command->callback([&globals, &chosen, options] {
    chosen.action = [&globals, options] { return Produce(globals, *options); };
  });
}

void AddConsumeCommand(CLI::App& app, const GlobalOptions& globals, Invocation& chosen) {
  auto* command = app.add_subcommand("consume", "print records of a topic");
  command->footer(
      "Examples:\n"
      "  mainstem consume clicks                    the last 20\n"
      "  mainstem consume clicks --from earliest -n 5\n"
      "  mainstem consume clicks --json --from earliest > clicks.topic.jsonl\n"
      "                                             all, as `mainstem test` takes it\n"
      "  mainstem consume clicks -f --json          follow, one JSON object a line");
  auto options = std::make_shared<ConsumeOptions>();
  command->add_option("topic", options->topic, "name of the topic")->required();
  command->add_option("--from", options->from,
                      "earliest, latest, a time (2026-01-31T12:00:00Z), positions (0:17,1:4) or "
                      "an offset of a topic with one partition");
  command
      ->add_option("-n,--limit", options->limit,
                   "so many records at most; without it all from there on, of latest 20")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40));
  command->add_flag("-f,--follow", options->follow, "go on with what comes");
  command->callback([&globals, &chosen, options] {
    chosen.action = [&globals, options] { return Consume(globals, *options); };
  });
}

}  // namespace mainstem::cli
