#include "gateway/events/rules/target_input.h"

#include <algorithm>

#include <absl/time/time.h>
#include <fmt/format.h>

#include "core/json_writer.h"
#include "gateway/aws/body_codec.h"
#include "gateway/aws/value_json.h"

namespace mainstem::gateway::events {
namespace {

constexpr std::string_view kEmptyString = "\"\"";

Status BadInput(std::string message) {
  return MakeError(ErrorCode::kInvalidArgument, std::move(message));
}

// "<name>" at the beginning of `text`; empty when there is none.
std::string_view VariableAt(std::string_view text) {
  if (!text.starts_with('<')) return {};
  size_t end = text.find('>');
  if (end == std::string_view::npos) return {};
  std::string_view name = text.substr(1, end - 1);
  bool is_name = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
  return is_name ? name : std::string_view();
}

// The event without its detail.
std::string EnvelopeOf(const aws::Value& event) {
  aws::Value envelope{.kind = aws::Value::Kind::kMap};
  for (const aws::Member& member : event.members) {
    if (member.name != "detail") envelope.members.push_back(member);
  }
  return aws::ToJson(envelope);
}

// A value between a template's quotes: texts as they are there, of lists and objects no quotes of
// their own.
std::string InsideString(const std::string& json) {
  if (json.starts_with('"')) return json.substr(1, json.size() - 2);
  std::string inside;
  for (size_t i = 0; i < json.size(); ++i) {
    if (json[i] == '"') continue;
    if (json[i] == '\\' && i + 1 < json.size()) {
      if (json[++i] != '"') inside.append({'\\', json[i]});
      continue;
    }
    // Blanks between the values may be of any kind.
    inside.push_back(static_cast<unsigned char>(json[i]) < ' ' ? ' ' : json[i]);
  }
  return inside;
}

}  // namespace

Result<TargetInput> TargetInput::Parse(const aws::Value& target) {
  std::string_view id = target["Id"].text;
  TargetInput input;
  int given = 0;
  for (std::string_view name : {"Input", "InputPath", "InputTransformer"}) {
    given += target[name].is_null() ? 0 : 1;
  }
  if (given > 1) {
    return BadInput(fmt::format(
        "Only one of Input, InputPath, or InputTransformer must be provided for target {}.", id));
  }
  if (!target["Input"].is_null()) {
    input.kind_ = Kind::kConstant;
    input.constant_ = target["Input"].text;
    if (!aws::DecodeBody(aws::BodyCodec::kJson, input.constant_).ok()) {
      return BadInput(fmt::format("JSON syntax error in input for target {}.", id));
    }
  } else if (!target["InputPath"].is_null()) {
    input.kind_ = Kind::kPath;
    auto path = JsonPath::Parse(target["InputPath"].text);
    if (!path.ok()) {
      return BadInput(fmt::format("Invalid InputPath for target {}. Reason: {}", id,
                                  TextOf(path.status()).message));
    }
    input.path_ = *std::move(path);
  } else if (!target["InputTransformer"].is_null()) {
    input.kind_ = Kind::kTemplate;
    RETURN_IF_ERROR(input.ParseTemplate(target["InputTransformer"], id));
  }
  return input;
}

Status TargetInput::ParseTemplate(const aws::Value& transformer, std::string_view target_id) {
  const aws::Value& paths = transformer["InputPathsMap"];
  for (const aws::Member& entry : paths.members) {
    if (entry.name.starts_with("AWS") || entry.name.starts_with("aws.")) {
      return BadInput(fmt::format("InputPathsMap keys must not begin with AWS: {} of target {}.",
                                  entry.name, target_id));
    }
    auto path = JsonPath::Parse(entry.value.text);
    if (path.ok()) continue;
    return BadInput(fmt::format("Invalid InputPathsMap for target {}: {}. Reason: {}", target_id,
                                entry.name, TextOf(path.status()).message));
  }
  std::string_view text = transformer["InputTemplate"].text;
  bool in_string = false;
  Part literal;
  for (size_t at = 0; at < text.size();) {
    std::string_view name = VariableAt(text.substr(at));
    if (name.empty()) {
      if (text[at] == '\\' && at + 1 < text.size())
        literal.text.push_back(text[at++]);
      else if (text[at] == '"')
        in_string = !in_string;
      literal.text.push_back(text[at++]);
      continue;
    }
    if (!literal.text.empty()) parts_.push_back(std::move(literal));
    literal = {};
    Part variable{.text = std::string(name), .is_variable = true, .in_string = in_string};
    const aws::Value& path = paths[name];
    if (!path.is_null()) {
      ASSIGN_OR_RETURN(variable.path, JsonPath::Parse(path.text));
    }
    parts_.push_back(std::move(variable));
    at += name.size() + 2;
  }
  if (!literal.text.empty()) parts_.push_back(std::move(literal));
  if (IsValidTemplate()) return Status::OK();
  return BadInput(
      fmt::format("Invalid InputTemplate for target {}: it is neither JSON nor texts "
                  "in quotes.",
                  target_id));
}

Status TargetInput::CheckVariables(std::string_view target_id) const {
  for (const Part& part : parts_) {
    bool is_known = !part.is_variable || part.path || part.text == "aws.events.rule-arn" ||
                    part.text == "aws.events.rule-name" ||
                    part.text == "aws.events.event.ingestion-time" ||
                    part.text == "aws.events.event" || part.text == "aws.events.event.json";
    if (is_known) continue;
    return BadInput(fmt::format("InputTemplate for target {} contains invalid placeholder {}.",
                                target_id, part.text));
  }
  return Status::OK();
}

// JSON when its variables have values; or texts in quotes, a line each.
bool TargetInput::IsValidTemplate() const {
  std::string sample;
  for (const Part& part : parts_) {
    if (part.is_variable)
      sample += part.in_string ? "x" : "null";
    else
      sample += part.text;
  }
  if (sample.starts_with('"')) return true;
  return aws::DecodeBody(aws::BodyCodec::kJson, std::move(sample)).ok();
}

std::string TargetInput::ValueOf(const Part& part, const EventView& event, const RuleNames& rule) {
  // A variable that has no value is an empty text.
  if (part.path) return part.path->FindJson(event.root).value_or(std::string(kEmptyString));
  if (part.text == "aws.events.rule-arn") return JsonQuote(rule.arn);
  if (part.text == "aws.events.rule-name") return JsonQuote(rule.name);
  if (part.text == "aws.events.event.ingestion-time") {
    return JsonQuote(absl::FormatTime(
        "%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMillis(event.ingestion_ms), absl::UTCTimeZone()));
  }
  if (part.text == "aws.events.event") return EnvelopeOf(event.root);
  if (part.text == "aws.events.event.json") return std::string(event.text);
  return std::string(kEmptyString);
}

Result<std::string> TargetInput::Make(const EventView& event, const RuleNames& rule) const {
  std::string made;
  switch (kind_) {
    case Kind::kEvent: return std::string(event.text);
    case Kind::kConstant: return constant_;
    case Kind::kPath: return path_->FindJson(event.root).value_or("null");
    case Kind::kTemplate:
      for (const Part& part : parts_) {
        std::string piece = part.is_variable ? ValueOf(part, event, rule) : part.text;
        if (part.is_variable && part.in_string) piece = InsideString(piece);
        made += piece;
        if (made.size() <= kInputBytesMax) continue;
        return MakeError(ErrorCode::kMessageTooLarge,
                         "what the template makes of an event is more than 1 MiB");
      }
      return made;
  }
  return made;
}

}  // namespace mainstem::gateway::events
