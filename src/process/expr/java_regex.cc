#include "process/expr/java_regex.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <absl/strings/ascii.h>
#include <fmt/format.h>

namespace mainstem::process {
namespace {

using Text = std::string_view;

// Members of a class, without its brackets.
constexpr Text kSpace = " \\t\\n\\x0B\\f\\r";
constexpr Text kHorizontalSpace =
    "\\t \\x{A0}\\x{1680}\\x{180E}\\x{2000}-\\x{200A}\\x{202F}\\x{205F}\\x{3000}";
constexpr Text kLineEnds = "\\n\\r\\x{85}\\x{2028}\\x{2029}";
constexpr Text kVerticalSpace = "\\n\\x0B\\f\\r\\x{85}\\x{2028}\\x{2029}";

// \p{Alpha} and the like stand for ASCII letters in Java.
constexpr std::array<std::pair<Text, Text>, 13> kPosixClasses = {{{"Lower", "lower"},
                                                                  {"Upper", "upper"},
                                                                  {"ASCII", "ascii"},
                                                                  {"Alpha", "alpha"},
                                                                  {"Digit", "digit"},
                                                                  {"Alnum", "alnum"},
                                                                  {"Punct", "punct"},
                                                                  {"Graph", "graph"},
                                                                  {"Print", "print"},
                                                                  {"Blank", "blank"},
                                                                  {"Cntrl", "cntrl"},
                                                                  {"XDigit", "xdigit"},
                                                                  {"Space", "space"}}};

class RegexTranslator {
 public:
  explicit RegexTranslator(Text pattern) : pattern_(pattern) {}

  JavaRegex Run() && {
    while (at_ < pattern_.size() && out_.lacks.empty()) {
      const bool after_quantifier = std::exchange(after_quantifier_, false);
      const char c = pattern_[at_];
      if (c == '\\') {
        Escape();
      } else if (in_class_) {
        InClass(c);
      } else if (c == '[') {
        OpenClass();
      } else if (c == '(') {
        Group();
      } else if (c == '+' && after_quantifier) {
        Lacks(fmt::format("a possessive quantifier {}+", pattern_[at_ - 1]));
      } else {
        Plain(c, after_quantifier);
      }
    }
    out_.ends_before_newline &= !has_absolute_end_;
    return std::move(out_);
  }

 private:
  Text Rest() const { return pattern_.substr(at_); }
  void Take(size_t count) {
    out_.pattern += Rest().substr(0, count);
    at_ += count;
  }
  void Put(Text text, size_t taken) {
    out_.pattern += text;
    at_ += taken;
  }
  void Lacks(std::string what) { out_.lacks = std::move(what); }

  void Plain(char c, bool after_quantifier) {
    if (c == '$') out_.ends_before_newline = true;
    if (c == ')' && !outer_dots_.empty()) {
      dot_takes_all_ = outer_dots_.back();
      outer_dots_.pop_back();
    }
    if (c == '.' && !dot_takes_all_) return Put(fmt::format("[^{}]", kLineEnds), 1);
    if (c == '{') {
      const size_t end = Rest().find('}');
      after_quantifier_ = end != Text::npos;
      return Take(end == Text::npos ? 1 : end + 1);
    }
    // What follows a quantifier makes it reluctant.
    after_quantifier_ = (c == '*' || c == '+' || c == '?') && !after_quantifier;
    Take(1);
  }

  void OpenClass() {
    in_class_ = true;
    Take(1);
    if (Rest().starts_with('^')) Take(1);
    if (Rest().starts_with(']')) Take(1);
  }

  void InClass(char c) {
    if (c == '[') return Lacks("a class within a class [a[b]]");
    if (Rest().starts_with("&&")) return Lacks("an intersection of classes [a&&b]");
    if (c == ']') in_class_ = false;
    Take(1);
  }

  void Group() {
    const Text rest = Rest();
    outer_dots_.push_back(dot_takes_all_);
    if (!rest.starts_with("(?")) return Take(1);
    if (rest.starts_with("(?=") || rest.starts_with("(?!")) {
      return Lacks(fmt::format("a lookahead {}..)", rest.substr(0, 3)));
    }
    if (rest.starts_with("(?<=") || rest.starts_with("(?<!")) {
      return Lacks(fmt::format("a lookbehind {}..)", rest.substr(0, 4)));
    }
    if (rest.starts_with("(?>")) return Lacks("an atomic group (?>..)");
    if (rest.starts_with("(?<")) return Put("(?P<", 3);
    Flags();
  }

  // (?i), (?s-m:..): 'u' and 'd' are how RE2 does it anyway.
  void Flags() {
    std::string flags = "(?";
    size_t end = 2;
    bool sets = true;
    for (; end < Rest().size(); ++end) {
      const char c = Rest()[end];
      if (c == 'x' || c == 'U') return Lacks(fmt::format("the flag (?{})", c));
      if (c != 'i' && c != 'm' && c != 's' && c != '-' && c != 'u' && c != 'd') break;
      if (c != 'u' && c != 'd') flags += c;
      if (c == '-') sets = false;
      if (c == 's' || c == 'd') dot_takes_all_ = sets;  // RE2 knows about the newline
    }
    if (flags.back() == '-') flags.pop_back();  // (?i-u): nothing is left to take away
    // Flags without a group of their own hold for the rest of the one around.
    if (Rest().substr(end).starts_with(')')) outer_dots_.back() = dot_takes_all_;
    const bool is_empty = flags.size() == 2 && end > 2 && Rest().substr(end).starts_with(')');
    if (is_empty) {
      outer_dots_.pop_back();
      return Put("", end + 1);
    }
    Put(flags, end);
  }

  // A set of characters: in a class its members, else a class of its own.
  void Set(Text members, bool negated) {
    if (in_class_ && negated) return Lacks(fmt::format("\\{} in a class", Rest()[1]));
    Put(in_class_ ? std::string(members) : fmt::format("[{}{}]", negated ? "^" : "", members), 2);
  }

  void Escape() {
    const Text rest = Rest();
    if (rest.size() < 2) return Take(1);
    const char c = rest[1];
    switch (c) {
      case 'Q': return Quoted();
      case 'S':
        if (in_class_) return Take(2);
        [[fallthrough]];
      case 's': return Set(kSpace, c == 'S');  // RE2's is without \x0B
      case 'h':
      case 'H': return Set(kHorizontalSpace, c == 'H');
      case 'v':
      case 'V': return Set(kVerticalSpace, c == 'V');
      case 'R': return in_class_ ? Take(2) : Put(fmt::format("(?:\\r\\n|[{}])", kVerticalSpace), 2);
      case 'Z': out_.ends_before_newline = true; return Put("(?-m:$)", 2);
      case 'z': has_absolute_end_ = true; return Take(2);
      case 'e': return Put("\\x1B", 2);
      case 'c':
        if (rest.size() < 3) return Take(2);
        return Put(fmt::format("\\x{{{:X}}}", static_cast<unsigned char>(rest[2]) ^ 64U), 3);
      case 'u': return Unicode();
      case '0': return Octal();
      case 'p':
      case 'P': return Property();
      case 'k': return Lacks("a back-reference \\k<name>");
      case 'G':
      case 'X':
      case 'N': return Lacks(fmt::format("\\{}", c));
      case 'b':
        if (rest.starts_with("\\b{")) return Lacks("\\b{g}");
        return Take(2);
      default: break;
    }
    if ((c & 0x80) != 0) return Put("", 1);  // the character itself
    if (c >= '1' && c <= '9') return Lacks(fmt::format("a back-reference \\{}", c));
    Take(2);
  }

  // \Q..\E
  void Quoted() {
    const size_t end = std::min(Rest().find("\\E"), Rest().size());
    const Text text = Rest().substr(2, end - 2);
    Put(RE2::QuoteMeta({text.data(), text.size()}), std::min(end + 2, Rest().size()));
  }

  // Four digits of \uXXXX at `at`.
  std::optional<uint32_t> UnitAt(size_t at) const {
    const Text digits = pattern_.substr(std::min(at, pattern_.size())).substr(0, 6);
    if (digits.size() != 6 || !digits.starts_with("\\u")) return std::nullopt;
    uint32_t value = 0;
    for (const char c : digits.substr(2)) {
      if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) return std::nullopt;
      value = value * 16 + static_cast<uint32_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
  }
  void Unicode() {
    const auto unit = UnitAt(at_);
    if (!unit) return Take(2);
    const auto low = UnitAt(at_ + 6);
    if (*unit >= 0xD800 && *unit < 0xDC00 && low && *low >= 0xDC00 && *low < 0xE000) {
      return Put(fmt::format("\\x{{{:X}}}", 0x10000 + ((*unit - 0xD800) << 10) + *low - 0xDC00),
                 12);
    }
    Put(fmt::format("\\x{{{:X}}}", *unit), 6);
  }

  // \0n, \0nn, \0mnn with m up to 3.
  void Octal() {
    uint32_t value = 0;
    size_t count = 0;
    for (const Text digits = Rest().substr(2); count < 3 && count < digits.size(); ++count) {
      const char c = digits[count];
      if (c < '0' || c > '7' || value * 8 + static_cast<uint32_t>(c - '0') > 0377) break;
      value = value * 8 + static_cast<uint32_t>(c - '0');
    }
    if (count == 0) return Take(2);
    Put(fmt::format("\\x{{{:X}}}", value), 2 + count);
  }

  void Property() {
    const Text rest = Rest();
    const size_t end = rest.find('}');
    if (rest.size() < 3 || rest[2] != '{' || end == Text::npos) return Take(2);
    const bool negated = rest[1] == 'P';
    Text name = rest.substr(3, end - 3);
    const auto* known = std::find_if(kPosixClasses.begin(), kPosixClasses.end(),
                                     [&](const auto& posix) { return posix.first == name; });
    if (known != kPosixClasses.end()) {
      const std::string members = fmt::format("[:{}{}:]", negated ? "^" : "", known->second);
      return Put(in_class_ ? members : "[" + members + "]", end + 1);
    }
    if (name.starts_with("Is")) name.remove_prefix(2);
    const std::string translated = fmt::format("\\{}{{{}}}", rest[1], name);
    RE2::Options quiet;
    quiet.set_log_errors(false);
    if (!RE2(translated, quiet).ok()) {
      return Lacks(fmt::format("the property {}", rest.substr(0, end + 1)));
    }
    Put(translated, end + 1);
  }

  Text pattern_;
  size_t at_ = 0;
  bool in_class_ = false;
  bool dot_takes_all_ = false;    // or all but the newline, which RE2 sees to
  std::vector<bool> outer_dots_;  // of the groups around
  bool after_quantifier_ = false;
  bool has_absolute_end_ = false;
  JavaRegex out_;
};

}  // namespace

JavaRegex TranslateJavaRegex(std::string_view pattern) { return RegexTranslator(pattern).Run(); }

CompiledRegex::CompiledRegex(std::string_view pattern) {
  JavaRegex translated = TranslateJavaRegex(pattern);
  RE2::Options options;
  options.set_log_errors(false);
  regex_ = std::make_unique<RE2>(translated.pattern, options);
  lacks_ = std::move(translated.lacks);
  ends_before_newline_ = translated.ends_before_newline;
  // Limits that Java does not have.
  if (lacks_.empty() && regex_->error_code() == RE2::ErrorRepeatSize) {
    lacks_ = "a repetition of more than 1000 times";
  } else if (lacks_.empty() && regex_->error_code() == RE2::ErrorPatternTooLarge) {
    lacks_ = "more states than fit in its memory";
  }
}

std::optional<std::string> CompiledRegex::Unsupported(std::string_view pattern) const {
  if (lacks_.empty()) return std::nullopt;
  return fmt::format("regular expression '{}' has {}, which is not supported", pattern, lacks_);
}

}  // namespace mainstem::process
