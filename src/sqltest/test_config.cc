#include "sqltest/test_config.h"

#include <filesystem>
#include <functional>

#include <yaml-cpp/yaml.h>

#include "core/config.h"
#include "core/suggest.h"
#include "process/expr/text.h"
#include "sqltest/fixture.h"

namespace mainstem::sqltest {
namespace {

class Reader {
 public:
  Reader(const std::string& path, const std::string& text, TestConfig* config)
      : path_(path), text_(text), config_(config) {}

  Status Read(const YAML::Node& root) {
    if (root.IsNull()) return Status::OK();
    if (!root.IsMap()) return Wrong(root, "test.yaml holds keys and values");
    for (const auto& entry : root) {
      RETURN_IF_ERROR(ReadKey(entry.first, entry.second));
    }
    return Status::OK();
  }

  Status Wrong(const YAML::Mark& mark, std::string message, std::string hint = "") const {
    std::string_view rest = text_;
    for (int i = 0; i < mark.line; ++i)
      rest.remove_prefix(std::min(rest.find('\n') + 1, rest.size()));
    FixturePlace place{.path = path_,
                       .number = mark.line + 1,
                       .line = rest.substr(0, rest.find('\n')),
                       .column = static_cast<size_t>(std::max(mark.column, 0))};
    return FixtureError(place, std::move(message), std::move(hint));
  }

 private:
  Status Wrong(const YAML::Node& node, std::string message, std::string hint = "") const {
    return Wrong(node.Mark(), std::move(message), std::move(hint));
  }

  Status ReadKey(const YAML::Node& key, const YAML::Node& value) {
    auto name = key.as<std::string>();
    if (name == "define") return ReadMap(value, &config_->define);
    if (name == "set") return ReadMap(value, &config_->set);
    std::vector<std::string> known = {"script", "define",  "set", "clock",
                                      "open",   "shuffle", "late"};
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return Wrong(key, fmt::format("'{}' is no key of test.yaml", name),
                   SuggestionFor(name, known));
    }
    if (!value.IsScalar()) return Wrong(value, fmt::format("'{}' takes one value", name));
    auto text = value.as<std::string>();
    if (name == "script") {
      auto path = std::filesystem::path(path_).parent_path() / text;
      config_->script = path.lexically_normal().string();
    } else if (name == "clock") {
      auto parsed = process::ParseTimestamp(text, 1000, 3);
      if (!parsed.value)
        return Wrong(value, fmt::format("'{}' is no time", text), "2026-01-01 00:00:00");
      config_->clock = ProcessingTime(*parsed.value);
    } else if (name == "shuffle") {
      if (text != "true" && text != "false") return Wrong(value, "true or false");
      config_->shuffle = text == "true";
    } else {
      auto millis = ParseDurationMs(text);
      if (!millis.ok() || *millis < 0) {
        return Wrong(value, fmt::format("'{}' is no time", text), fmt::format("{}: 1 min", name));
      }
      (name == "late" ? config_->late_ms : config_->open_ms) = *millis;
    }
    return Status::OK();
  }

  Status ReadMap(const YAML::Node& node, std::map<std::string, std::string>* out) const {
    if (!node.IsMap()) return Wrong(node, "names and values, one a line");
    for (const auto& entry : node) {
      if (!entry.second.IsScalar()) return Wrong(entry.second, "one value for each name");
      (*out)[entry.first.as<std::string>()] = entry.second.as<std::string>();
    }
    return Status::OK();
  }

  const std::string& path_;
  const std::string& text_;
  TestConfig* config_;
};

}  // namespace

Status ReadTestConfig(const std::string& path, const std::string& text, TestConfig* config) {
  Reader reader(path, text, config);
  try {
    return reader.Read(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    return reader.Wrong(error.mark, error.msg);
  }
}

}  // namespace mainstem::sqltest
