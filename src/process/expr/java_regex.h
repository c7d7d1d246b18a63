// Regular expressions as the dialect writes them (Java's) for RE2, which runs them here in linear
// time: what only the spelling parts is rewritten, what RE2 cannot do is named. Pure; internal to
// expr/.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <re2/re2.h>

namespace mainstem::process {

struct JavaRegex {
  std::string pattern;  // for RE2
  // What the pattern asks for and RE2 lacks: "a lookahead (?=..)". Empty: nothing.
  std::string lacks;
  // '$' stands in it: it matches before a line's end at the end of the text, too.
  bool ends_before_newline = false;
};

// Does not fail: what is no regular expression in Java either is left for RE2 to refuse.
JavaRegex TranslateJavaRegex(std::string_view pattern);

// A pattern compiled.
class CompiledRegex {
 public:
  explicit CompiledRegex(std::string_view pattern);
  // Null if the pattern is none.
  const RE2* get() const { return regex_->ok() && lacks_.empty() ? regex_.get() : nullptr; }
  bool ends_before_newline() const { return ends_before_newline_; }
  // If Java takes the pattern and RE2 does not: what to say to the user.
  std::optional<std::string> Unsupported(std::string_view pattern) const;

 private:
  std::string lacks_;
  bool ends_before_newline_;
  std::unique_ptr<RE2> regex_;
};

}  // namespace mainstem::process
