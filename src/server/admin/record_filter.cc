#include "server/admin/record_filter.h"

#include <simdjson.h>

namespace mainstem::server {
namespace {

enum class Comparison { kExists, kEqual, kDiffers };

struct PathTest {
  std::string pointer;  // RFC 6901
  Comparison comparison = Comparison::kExists;
  std::string text;
};

Status MalformedPath(const std::string& path) {
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = "malformed path '" + path + "'",
                    .hint = "write $.user=alice, $.items[0].price!=3 or $.error"});
}

// One step's name as RFC 6901 wants it.
void AppendPointerStep(std::string_view name, std::string* pointer) {
  pointer->push_back('/');
  for (char c : name) {
    if (c == '~') {
      pointer->append("~0");
    } else if (c == '/') {
      pointer->append("~1");
    } else {
      pointer->push_back(c);
    }
  }
}

Result<PathTest> ParsePath(const std::string& path) {
  PathTest test;
  std::string_view rest = path;
  if (!rest.starts_with('$')) return MalformedPath(path);
  rest.remove_prefix(1);
  while (!rest.empty() && (rest[0] == '.' || rest[0] == '[')) {
    bool is_index = rest[0] == '[';
    rest.remove_prefix(1);
    size_t end = is_index ? rest.find(']') : rest.find_first_of(".[=!<>");
    if (is_index && end == std::string_view::npos) return MalformedPath(path);
    end = std::min(end, rest.size());
    if (end == 0) return MalformedPath(path);
    AppendPointerStep(rest.substr(0, end), &test.pointer);
    rest.remove_prefix(end + (is_index ? 1 : 0));
  }
  if (rest.empty()) return test;
  if (rest.starts_with("!=")) {
    test.comparison = Comparison::kDiffers;
    rest.remove_prefix(2);
  } else if (rest.starts_with('=')) {
    test.comparison = Comparison::kEqual;
    rest.remove_prefix(rest.starts_with("==") ? 2 : 1);
  } else {
    return MalformedPath(path);
  }
  test.text = std::string(rest);
  return test;
}

}  // namespace

struct RecordFilter::Impl {
  bool PathHolds(std::string_view value) {
    simdjson::dom::element root;
    if (parser.parse(value.data(), value.size(), true).get(root)) return false;
    simdjson::dom::element found;
    bool exists = !root.at_pointer(path->pointer).get(found);
    if (path->comparison == Comparison::kExists) return exists;
    if (!exists) return path->comparison == Comparison::kDiffers;
    std::string_view text;
    bool equal =
        !found.get_string().get(text) ? text == path->text : simdjson::minify(found) == path->text;
    return equal == (path->comparison == Comparison::kEqual);
  }

  std::string search;
  std::optional<PathTest> path;
  simdjson::dom::parser parser;
};

RecordFilter::RecordFilter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RecordFilter::~RecordFilter() = default;
RecordFilter::RecordFilter(RecordFilter&&) noexcept = default;

Result<RecordFilter> RecordFilter::Make(std::string search, std::string path) {
  auto impl = std::make_unique<Impl>();
  impl->search = std::move(search);
  if (!path.empty()) {
    ASSIGN_OR_RETURN(impl->path, ParsePath(path));
  }
  return RecordFilter(std::move(impl));
}

bool RecordFilter::filters() const { return !impl_->search.empty() || impl_->path.has_value(); }

bool RecordFilter::Keeps(const storage::RecordView& record) {
  if (!impl_->search.empty()) {
    bool found = record.value && record.value->find(impl_->search) != std::string_view::npos;
    found |= record.key && record.key->find(impl_->search) != std::string_view::npos;
    if (!found) return false;
  }
  if (!impl_->path) return true;
  return record.value && impl_->PathHolds(*record.value);
}

}  // namespace mainstem::server
