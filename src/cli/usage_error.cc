#include "cli/usage_error.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "core/suggest.h"

namespace mainstem::cli {
namespace {

// The command that the line has come to, and its words: "mainstem topic create".
struct Place {
  const CLI::App* command;
  std::string words;
};

Place DeepestCommand(const CLI::App& root) {
  Place place{&root, root.get_name()};
  while (true) {
    std::vector<CLI::App*> chosen = place.command->get_subcommands();
    if (chosen.empty()) return place;
    place.command = chosen.back();
    place.words += " " + place.command->get_name();
  }
}

std::vector<std::string> CommandNames(const CLI::App& command) {
  std::vector<std::string> names;
  auto all = command.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* sub : all) names.push_back(sub->get_name());
  return names;
}

std::vector<std::string> FlagNames(const CLI::App* command) {
  std::vector<std::string> names;
  for (; command != nullptr; command = command->get_parent()) {
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

// "did you mean 'topic'?" when something is near, else where the list is.
std::string HintFor(const std::string& wrong, const std::vector<std::string>& known,
                    const std::string& words) {
  if (auto near = NearestName(wrong, known)) return fmt::format("did you mean '{}'?", *near);
  return fmt::format("{} --help lists what there is", words);
}

}  // namespace

Status UsageError(const CLI::App& app, const CLI::ParseError& error) {
  Place place = DeepestCommand(app);
  std::vector<std::string> commands = CommandNames(*place.command);
  std::vector<std::string> left = app.remaining(true);
  ErrorText text{.message = error.what(),
                 .hint = fmt::format("{} --help explains it", place.words)};
  if (!left.empty() && left[0].starts_with('-')) {
    std::string flag = left[0].substr(0, left[0].find('='));
    text.message = fmt::format("'{}' has no flag {}", place.words, flag);
    text.hint = HintFor(flag, FlagNames(place.command), place.words);
  } else if (!left.empty() && !commands.empty()) {
    text.message = fmt::format("there is no command '{} {}'", place.words, left[0]);
    text.hint = HintFor(left[0], commands, place.words);
  } else if (!left.empty()) {
    text.message = fmt::format("'{}' does not take '{}' as well", place.words, left[0]);
  } else if (!commands.empty()) {
    text.message = fmt::format("'{}' needs a command: {}", place.words, fmt::join(commands, ", "));
  }
  return MakeError(ErrorCode::kInvalidArgument, std::move(text));
}

}  // namespace mainstem::cli
