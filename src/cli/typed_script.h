// What is typed at the prompt, cut into statements as its lines come. Pure; one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mainstem::cli {

class TypedScript {
 public:
  // One line, without its end.
  void Add(std::string_view line);
  // The next whole statement, its ';' included; nothing while more must be typed. A statement set
  // is one statement, up to its END. Strings, quoted names and comments may hold ';' and line ends.
  std::optional<std::string> Next();
  // Forgets what is not a whole statement yet.
  void Clear() { text_.clear(); }
  // Nothing has been typed but blanks and whole comments.
  bool empty() const;

 private:
  std::string text_;
};

// Later statements of a session need this one again: it defines something or sets an option. Not
// what starts a job, such as CREATE TABLE .. AS.
bool IsDefinition(const std::string& statement);

}  // namespace mainstem::cli
