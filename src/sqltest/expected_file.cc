#include "sqltest/expected_file.h"

#include <algorithm>

#include "core/suggest.h"
#include "sqltest/fixture.h"

namespace mainstem::sqltest {
namespace {

constexpr std::string_view kNull = "<NULL>";
constexpr char kKindColumn[] = "op";

std::string Escaped(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: out += c;
    }
  }
  return out + '"';
}

char Unescaped(char c) { return c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c; }

// Cuts a line into its fields; a field in quotes is taken as it was before.
class LineReader {
 public:
  explicit LineReader(FixturePlace place) : place_(std::move(place)), line_(place_.line) {}

  Result<Fields> Read() {
    Fields fields;
    while (true) {
      SkipSpaces();
      ASSIGN_OR_RETURN(std::optional<std::string> field, ReadField());
      fields.push_back(std::move(field));
      SkipSpaces();
      if (at_ == line_.size()) return fields;
      if (line_[at_] != '|') return Wrong("expected ' | ' behind a field in quotes");
      ++at_;
    }
  }

 private:
  Status Wrong(std::string message) const {
    FixturePlace place = place_;
    place.column = at_;
    return FixtureError(place, std::move(message));
  }

  void SkipSpaces() {
    while (at_ < line_.size() && line_[at_] == ' ') ++at_;
  }

  Result<std::optional<std::string>> ReadField() {
    if (at_ < line_.size() && line_[at_] == '"') return ReadQuoted();
    size_t end = std::min(line_.find('|', at_), line_.size());
    std::string_view text = line_.substr(at_, end - at_);
    at_ = end;
    text = text.substr(0, text.find_last_not_of(' ') + 1);
    if (text == kNull) return std::nullopt;
    return std::string(text);
  }

  Result<std::optional<std::string>> ReadQuoted() {
    std::string out;
    for (size_t i = at_ + 1; i < line_.size(); ++i) {
      if (line_[i] == '"') {
        at_ = i + 1;
        return out;
      }
      bool escaped = line_[i] == '\\' && i + 1 < line_.size();
      out += escaped ? Unescaped(line_[++i]) : line_[i];
    }
    return Wrong("this quote is not closed");
  }

  FixturePlace place_;
  std::string_view line_;
  size_t at_ = 0;
};

Status CheckColumns(const FixturePlace& place, const Fields& header,
                    const std::vector<std::string>& wanted) {
  for (size_t i = 0; i < std::max(header.size(), wanted.size()); ++i) {
    std::string got = i < header.size() ? header[i].value_or(std::string(kNull)) : "";
    std::string want = i < wanted.size() ? wanted[i] : "";
    if (got == want) continue;
    FixturePlace at = place;
    at.column = got.empty() ? place.line.size() : std::min(place.line.find(got), place.line.size());
    std::string message = got.empty()    ? fmt::format("column '{}' is missing", want)
                          : want.empty() ? fmt::format("the sink has no further column '{}'", got)
                                         : fmt::format("expected column '{}', not '{}'", want, got);
    return FixtureError(
        at, std::move(message),
        fmt::format("the first line names the columns: {}", fmt::join(wanted, " | ")));
  }
  return Status::OK();
}

}  // namespace

std::string ShownField(const std::optional<std::string>& field) {
  if (!field) return std::string(kNull);
  const std::string& text = *field;
  bool ambiguous = text.empty() || text == kNull || text.front() == ' ' || text.back() == ' ' ||
                   text.front() == '"' || text.find_first_of("|\n\r\t") != std::string::npos;
  return ambiguous ? Escaped(text) : text;
}

size_t ShownWidth(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string PadTo(std::string text, size_t width) {
  size_t shown = ShownWidth(text);
  if (shown < width) text.append(width - shown, ' ');
  return text;
}

std::string PrintExpected(ExpectedForm form, const std::vector<std::string>& columns,
                          const std::vector<TextRow>& rows) {
  bool with_kind = form == ExpectedForm::kChangelog;
  std::vector<std::vector<std::string>> lines;
  lines.push_back(columns);
  if (with_kind) lines[0].insert(lines[0].begin(), kKindColumn);
  for (const TextRow& row : rows) {
    std::vector<std::string>& line = lines.emplace_back();
    if (with_kind) line.push_back(row.kind);
    for (const auto& field : row.fields) line.push_back(ShownField(field));
  }
  std::vector<size_t> widths(lines[0].size());
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], ShownWidth(line[i]));
  }
  std::string out;
  for (const auto& line : lines) {
    std::string text;
    for (size_t i = 0; i < line.size(); ++i) {
      text += (i > 0 ? " | " : "") + PadTo(line[i], i + 1 < line.size() ? widths[i] : 0);
    }
    out += text + "\n";
  }
  return out;
}

Result<std::vector<TextRow>> ParseExpected(const ExpectedText& file,
                                           const std::vector<std::string>& columns) {
  std::vector<std::string> wanted = columns;
  bool with_kind = file.form == ExpectedForm::kChangelog;
  if (with_kind) wanted.insert(wanted.begin(), kKindColumn);
  std::vector<TextRow> rows;
  bool has_header = false;
  int number = 0;
  std::string_view text = file.text;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    FixturePlace place{.path = file.path, .number = ++number, .line = line};
    if (line.find_first_not_of(' ') == line.npos) continue;
    ASSIGN_OR_RETURN(Fields fields, LineReader(place).Read());
    if (!has_header) {
      RETURN_IF_ERROR(CheckColumns(place, fields, wanted));
      has_header = true;
      continue;
    }
    if (fields.size() != wanted.size()) {
      return FixtureError(place,
                          fmt::format("{} fields for {} columns", fields.size(), wanted.size()));
    }
    TextRow& row = rows.emplace_back();
    if (with_kind) {
      row.kind = fields[0].value_or("");
      std::vector<std::string> kinds = {"+I", "-U", "+U", "-D"};
      if (std::find(kinds.begin(), kinds.end(), row.kind) == kinds.end()) {
        return FixtureError(place, fmt::format("'{}' is no kind of a change", row.kind),
                            "+I, -U, +U or -D");
      }
      fields.erase(fields.begin());
    }
    row.fields = std::move(fields);
  }
  return rows;
}

}  // namespace mainstem::sqltest
