#include "sink/filesystem/file_name.h"

#include <algorithm>

#include <absl/strings/str_split.h>

#include "core/random_uuid.h"

namespace mainstem::sink {
namespace {

constexpr size_t kRandomStringLength = 11;
// S3 takes 1,024 bytes of the whole name, before which the table's path stands; disks 255 of a
// step.
constexpr size_t kFileNameBytesMax = 900;
constexpr size_t kFileStepBytesMax = 255;
constexpr size_t kExpressionBytesMax = 20;  // about

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

Result<FileNamePattern> FileNamePattern::Compile(std::string_view text, Options options) {
  FileNamePattern pattern;
  pattern.zone_ = options.zone;
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
    RETURN_IF_ERROR(pattern.AddExpression(rest.substr(2, end - 2), options.keys));
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

bool FileNamePattern::has_keys() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const Part& part) { return part.kind == Kind::kKey; });
}

Status FileNamePattern::CheckKeys(const std::vector<std::string>& values) const {
  std::string name;
  for (const Part& part : parts_) {
    switch (part.kind) {
      case Kind::kLiteral: name += part.literal; break;
      case Kind::kKey: name += values[part.key]; break;
      case Kind::kUuid: name.append(36, 'x'); break;
      default: name.append(kExpressionBytesMax, 'x'); break;
    }
  }
  if (HasBadStep(name) || name.find('\0') != std::string::npos) {
    return MakeError(ErrorCode::kInvalidRecord,
                     "the values of the partition keys make no name of a file");
  }
  const std::vector<std::string> steps = absl::StrSplit(name, '/');
  const bool is_long = name.size() > kFileNameBytesMax ||
                       std::any_of(steps.begin(), steps.end(), [](const std::string& step) {
                         return step.size() > kFileStepBytesMax;
                       });
  if (!is_long) return Status::OK();
  return MakeError(ErrorCode::kInvalidRecord,
                   "the values of the partition keys make a name that is too long");
}

Status FileNamePattern::AddExpression(std::string_view expression,
                                      const std::vector<std::string>& keys) {
  constexpr std::string_view kTimestamp = "timestamp:";
  constexpr std::string_view kKey = "partitionKeyFromQuery:";
  if (expression == "firehose:random-string") {
    parts_.push_back({.kind = Kind::kRandomString});
  } else if (expression == "random:uuid") {
    parts_.push_back({.kind = Kind::kUuid});
  } else if (expression.starts_with(kKey)) {
    const auto found = std::find(keys.begin(), keys.end(), expression.substr(kKey.size()));
    if (found == keys.end()) {
      return WrongName("has !{" + std::string(expression) + "}, a key that no query gives",
                       "there is 'sink.record-query'");
    }
    Part part{.kind = Kind::kKey};
    part.key = static_cast<size_t>(found - keys.begin());
    parts_.push_back(std::move(part));
  } else if (expression.starts_with(kTimestamp) && expression.size() > kTimestamp.size()) {
    Part part{.kind = Kind::kTime};
    ASSIGN_OR_RETURN(part.pattern,
                     format::TimestampPattern::Compile(expression.substr(kTimestamp.size())));
    parts_.push_back(std::move(part));
  } else {
    return WrongName("has the unknown expression '!{" + std::string(expression) + "}'",
                     "there are !{timestamp:yyyy/MM/dd}, !{firehose:random-string}, "
                     "!{partitionKeyFromQuery:key} and !{random:uuid}");
  }
  return Status::OK();
}

std::string FileNamePattern::NameOf(Content content, Env* env) const {
  const format::Instant first_row = content.first_row;
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
      case Kind::kKey: name += content.values->at(part.key); break;
    }
  }
  return name;
}

}  // namespace mainstem::sink
