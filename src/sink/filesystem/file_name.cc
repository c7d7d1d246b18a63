#include "sink/filesystem/file_name.h"

#include <algorithm>

#include <absl/strings/str_split.h>

#include "core/random_uuid.h"

namespace mainstem::sink {
namespace {

constexpr size_t kRandomStringLength = 11;

Status WrongName(std::string message, std::string hint) {
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = std::move(message), .hint = std::move(hint)});
}

void AppendRandomString(Env* env, std::string* out) {
  constexpr std::string_view kCharacters = "abcdefghijklmnopqrstuvwxyz0123456789";
  for (size_t i = 0; i < kRandomStringLength; ++i) {
    *out += kCharacters[env->Random() % kCharacters.size()];
  }
}

// A step that files of the local disk could not be made in, or would be made elsewhere.
bool HasBadStep(const std::string& literals) {
  if (literals.starts_with('/') || literals.find("//") != std::string::npos) return true;
  const std::vector<std::string> steps = absl::StrSplit(literals, '/');
  return std::any_of(steps.begin(), steps.end(), [](const std::string& step) {
    return step == "." || step == ".." || step == "_mainstem";
  });
}

}  // namespace

Result<FileNamePattern> FileNamePattern::Compile(std::string_view text, absl::TimeZone zone) {
  FileNamePattern pattern;
  pattern.zone_ = zone;
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t begin = rest.find("!{");
    if (begin != 0) {
      pattern.parts_.push_back({.literal = std::string(rest.substr(0, begin))});
      rest = begin == std::string_view::npos ? std::string_view() : rest.substr(begin);
      continue;
    }
    const size_t end = rest.find('}');
    if (end == std::string_view::npos) return WrongName("has an expression without its '}'", "");
    RETURN_IF_ERROR(pattern.AddExpression(rest.substr(2, end - 2)));
    rest.remove_prefix(end + 1);
  }
  const bool is_unique = std::any_of(pattern.parts_.begin(), pattern.parts_.end(),
                                     [](const Part& part) { return part.kind == Kind::kUuid; });
  if (!is_unique) {
    return WrongName("would give several files one name", "put '!{random:uuid}' into it");
  }
  std::string literals;
  for (const Part& part : pattern.parts_) {
    literals += part.kind == Kind::kLiteral ? part.literal : "x";
  }
  if (HasBadStep(literals) || literals.ends_with('/')) {
    return WrongName("is no name of a file below the table's path",
                     "it has no step that is empty, '.', '..' or '_mainstem'");
  }
  return pattern;
}

Status FileNamePattern::AddExpression(std::string_view expression) {
  constexpr std::string_view kTimestamp = "timestamp:";
  if (expression == "firehose:random-string") {
    parts_.push_back({.kind = Kind::kRandomString});
  } else if (expression == "random:uuid") {
    parts_.push_back({.kind = Kind::kUuid});
  } else if (expression.starts_with(kTimestamp) && expression.size() > kTimestamp.size()) {
    Part part{.kind = Kind::kTime};
    ASSIGN_OR_RETURN(part.pattern,
                     format::TimestampPattern::Compile(expression.substr(kTimestamp.size())));
    parts_.push_back(std::move(part));
  } else {
    return WrongName("has the unknown expression '!{" + std::string(expression) + "}'",
                     "there are !{timestamp:yyyy/MM/dd}, !{firehose:random-string} and "
                     "!{random:uuid}");
  }
  return Status::OK();
}

std::string FileNamePattern::NameOf(format::Instant first_row, Env* env) const {
  const auto info = zone_.At(absl::FromUnixSeconds(first_row.seconds));
  std::string name;
  for (const Part& part : parts_) {
    switch (part.kind) {
      case Kind::kLiteral: name += part.literal; break;
      case Kind::kTime:
        part.pattern.Append(first_row, {.offset_seconds = info.offset}, &name);
        break;
      case Kind::kRandomString: AppendRandomString(env, &name); break;
      case Kind::kUuid: name += RandomUuid(env); break;
    }
  }
  return name;
}

}  // namespace mainstem::sink
