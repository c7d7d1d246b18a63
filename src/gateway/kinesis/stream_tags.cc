#include "gateway/kinesis/stream_tags.h"

#include <algorithm>

#include <fmt/format.h>

#include "gateway/aws/aws_error.h"

namespace mainstem::gateway::kinesis {
namespace {

constexpr size_t kTagsMax = 50;

bool IsAsciiTagCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_./=+-@% ").find(c) != std::string_view::npos;
}

// Of UTF-8, where a sequence begins; its length goes to `size`.
uint32_t CodePoint(std::string_view text, size_t* size) {
  auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<uint32_t>(static_cast<unsigned char>(text[i])) : 0u;
  };
  if (byte(0) >= 0xF0) {
    *size = 4;
    return (byte(0) & 7) << 18 | (byte(1) & 63) << 12 | (byte(2) & 63) << 6 | (byte(3) & 63);
  }
  if (byte(0) >= 0xE0) {
    *size = 3;
    return (byte(0) & 15) << 12 | (byte(1) & 63) << 6 | (byte(2) & 63);
  }
  *size = 2;
  return (byte(0) & 31) << 6 | (byte(1) & 63);
}

}  // namespace

TagChange TagsIn(const Context& context, const aws::AwsCall& call, const std::string& stream_name) {
  TagChange change{.stream_name = stream_name, .account = context.account};
  for (const aws::Member& tag : call.input.root["Tags"].members) {
    change.added[std::string(tag.name)] = tag.value.text;
  }
  for (const aws::Member& key : call.input.root["TagKeys"].members) {
    change.removed.emplace_back(key.value.text);
  }
  return change;
}

bool IsTagText(std::string_view text) {
  while (!text.empty()) {
    size_t size = 1;
    if (static_cast<unsigned char>(text[0]) < 0x80) {
      if (!IsAsciiTagCharacter(text[0])) return false;
    } else {
      uint32_t point = CodePoint(text, &size);
      bool letter = (point >= 0xC0 && point <= 0x1FFF) || (point >= 0x2C00 && point <= 0xD7FF);
      if (!letter) return false;
    }
    text.remove_prefix(std::min(size, text.size()));
  }
  return true;
}

Status TagChange::Apply(std::map<std::string, std::string>* tags) const {
  std::vector<std::string_view> texts(removed.begin(), removed.end());
  for (const auto& [key, value] : added) {
    texts.push_back(key);
    texts.push_back(value);
  }
  bool adds = removed.empty();
  auto failed = [&](std::string_view why) {
    return aws::InvalidArgument(fmt::format("Failed to {} stream {} under account {} because {}",
                                            adds ? "add tags to" : "remove tags from", stream_name,
                                            account, why));
  };
  if (!std::all_of(texts.begin(), texts.end(), IsTagText)) {
    return aws::InvalidArgument(
        "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white "
        "space, _ . / = + - % @.");
  }
  if (std::any_of(texts.begin(), texts.end(),
                  [](std::string_view text) { return text.find('%') != text.npos; })) {
    return failed(
        "some tags contained illegal characters. The allowed characters are Unicode letters, "
        "white-spaces, '_',',','/','=','+','-','@'.");
  }
  std::map<std::string, std::string> result = *tags;
  for (const auto& [key, value] : added) result[key] = value;
  for (const std::string& key : removed) result.erase(key);
  if (adds && result.size() > kTagsMax) {
    return failed(
        fmt::format("a given stream cannot have more than {} tags associated with it.", kTagsMax));
  }
  *tags = std::move(result);
  return Status::OK();
}

}  // namespace mainstem::gateway::kinesis
