#include "sqltest/test_folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "process/sql/substitute.h"

namespace mainstem::sqltest {
namespace {

namespace fs = std::filesystem;

constexpr char kConfigName[] = "test.yaml";

bool IsTestFolder(const fs::path& path) {
  std::error_code none;  // what can't be looked at is no test
  return fs::is_directory(path / "input", none) || fs::is_directory(path / "expect", none);
}

// Files of a folder, sorted; none when there is no such folder. Hidden ones are left out.
std::vector<fs::path> FilesIn(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    if (entry.is_regular_file() && !entry.path().filename().string().starts_with('.')) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

Status Refused(std::string message, std::string hint = "") {
  return MakeError(ErrorCode::kInvalidArgument,
                   {.message = std::move(message), .hint = std::move(hint)});
}

// As people write it: from where they are.
std::string Shown(const fs::path& path) {
  std::string from_here = path.lexically_proximate(fs::current_path()).string();
  return from_here.starts_with("../..") ? path.string() : from_here;
}

// Of the folders from `root` down to the test, nearest last; above `root` as far as each has one.
Result<TestConfig> ReadConfigs(const fs::path& root, const fs::path& test) {
  fs::path top = fs::absolute(root).lexically_normal();
  std::vector<fs::path> files;
  bool above_top = false;
  for (fs::path at = fs::absolute(test).lexically_normal();; at = at.parent_path()) {
    if (!at.has_filename()) at = at.parent_path();  // it ended in a slash
    bool there = fs::exists(at / kConfigName);
    if (there) files.insert(files.begin(), at / kConfigName);
    if ((above_top && !there) || at == at.parent_path()) break;
    above_top |= at == top || (at / "") == top;
  }
  TestConfig config;
  for (const fs::path& file : files) {
    ASSIGN_OR_RETURN(std::string text, ReadTextFile(file.string()));
    RETURN_IF_ERROR(ReadTestConfig(Shown(file), text, &config));
  }
  return config;
}

Status FindScript(FolderTest* test) {
  test->script_path = test->config.script;
  if (!test->script_path.empty()) return Status::OK();
  for (const fs::path& file : FilesIn(test->path)) {
    if (file.extension() != ".sql") continue;
    if (!test->script_path.empty()) {
      return Refused(fmt::format("{}: there are several .sql files", test->path),
                     "say which in test.yaml: script: pipeline.sql");
    }
    test->script_path = file.string();
  }
  if (!test->script_path.empty()) return Status::OK();
  return Refused(fmt::format("{}: there is no script to test", test->path),
                 "put a .sql file there, or say where it is in test.yaml: script: ../pipeline.sql");
}

Status ReadScript(const std::vector<std::string>& defines, FolderTest* test) {
  RETURN_IF_ERROR(FindScript(test));
  ASSIGN_OR_RETURN(std::string text, ReadTextFile(test->script_path));
  std::vector<std::string> all;
  for (const auto& [name, value] : test->config.define) all.push_back(name + "=" + value);
  all.insert(all.end(), defines.begin(), defines.end());  // a later one counts
  auto script = process::sql::Substitute(text, all);
  if (!script.ok()) {
    ErrorText error = TextOf(script.status());
    error.message = test->script_path + ": " + error.message;
    if (error.hint.starts_with("give -D")) error.hint += ", or 'define' it in test.yaml";
    return MakeError(CodeOf(script.status()), std::move(error));
  }
  test->script = std::move(*script);
  return Status::OK();
}

Status ReadInputs(FolderTest* test) {
  for (const fs::path& file : FilesIn(fs::path(test->path) / "input")) {
    ASSIGN_OR_RETURN(std::string text, ReadTextFile(file.string()));
    ASSIGN_OR_RETURN(Fixture fixture, ParseFixture(file.string(), text, test->config.clock));
    auto& slot = test->fixtures[TableOfFixture(file.filename().string())];
    if (slot)
      return Refused(fmt::format("{} and {} are about one table", slot->path, fixture.path));
    slot = std::make_shared<const Fixture>(std::move(fixture));
  }
  return Status::OK();
}

Status ReadExpected(FolderTest* test) {
  for (const fs::path& file : FilesIn(fs::path(test->path) / "expect")) {
    std::string ending = file.extension().string();
    if (ending != ".table" && ending != ".changelog") {
      return Refused(
          fmt::format("{}: what is expected has the ending .table or .changelog", file.string()));
    }
    ExpectedText& expected = test->expected[file.stem().string()];
    if (!expected.path.empty()) {
      return Refused(fmt::format("{} and {} are about one sink: one of them is enough",
                                 expected.path, file.string()));
    }
    expected.path = file.string();
    expected.form = ending == ".table" ? ExpectedForm::kTable : ExpectedForm::kChangelog;
    ASSIGN_OR_RETURN(expected.text, ReadTextFile(file.string()));
  }
  return Status::OK();
}

}  // namespace

Result<std::vector<FoundTest>> FindTests(const std::string& path) {
  fs::path root(path);
  std::error_code error;
  if (fs::is_regular_file(root, error) && root.extension() == ".slt") {
    return std::vector<FoundTest>{{root.filename().string(), path, true}};
  }
  if (!fs::is_directory(root, error)) {
    return MakeError(ErrorCode::kNotFound, fmt::format("there is no folder '{}'", path));
  }
  std::vector<FoundTest> tests;
  if (IsTestFolder(root)) {
    tests.push_back({fs::weakly_canonical(root, error).filename().string(), path, false});
  }
  for (fs::recursive_directory_iterator it(root, error), end; !error && it != end;
       it.increment(error)) {
    const fs::path& at = it->path();
    if (at.filename().string().starts_with('.')) {
      it.disable_recursion_pending();
      continue;
    }
    bool is_file = it->is_regular_file() && at.extension() == ".slt";
    if (is_file || (it->is_directory() && IsTestFolder(at))) {
      tests.push_back({at.lexically_relative(root).string(), at.string(), is_file});
    }
  }
  if (error) {
    return MakeError(ErrorCode::kNotFound, fmt::format("{}: {}", path, error.message()));
  }
  std::sort(tests.begin(), tests.end(),
            [](const FoundTest& a, const FoundTest& b) { return a.name < b.name; });
  return tests;
}

Result<FolderTest> ReadFolderTest(const FoundTest& found, const std::string& root,
                                  const std::vector<std::string>& defines) {
  FolderTest test;
  test.path = found.path;
  ASSIGN_OR_RETURN(test.config, ReadConfigs(root, found.path));
  RETURN_IF_ERROR(ReadScript(defines, &test));
  RETURN_IF_ERROR(ReadInputs(&test));
  RETURN_IF_ERROR(ReadExpected(&test));
  return test;
}

Result<std::string> ReadTextFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  if (!in) return MakeError(ErrorCode::kNotFound, fmt::format("cannot read '{}'", path));
  return out.str();
}

Status WriteTextFile(const std::string& path, const std::string& text) {
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (out && !error) return Status::OK();
  return MakeError(ErrorCode::kStorageError, fmt::format("cannot write '{}'", path));
}

}  // namespace mainstem::sqltest
