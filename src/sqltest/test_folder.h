// Tests on disk: which there are below a folder, and one of them read whole. docs/testing.md
// describes the files.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sqltest/expected_file.h"
#include "sqltest/script.h"
#include "sqltest/test_config.h"

namespace mainstem::sqltest {

struct FoundTest {
  std::string name;  // its path below the folder that was searched
  std::string path;
  bool is_file = false;  // .slt
};

// Every .slt file and every folder with input/ or expect/ in it, sorted by name; `path` may be one
// itself. Hidden ones do not count.
Result<std::vector<FoundTest>> FindTests(const std::string& path);

struct FolderTest {
  std::string path;
  TestConfig config;
  std::string script_path;
  std::string script;
  Fixtures fixtures;
  std::map<std::string, ExpectedText> expected;  // by sink
};

// `root`: test.yaml files from there down to the test count. `defines`: "NAME=value", before those
// of the files.
Result<FolderTest> ReadFolderTest(const FoundTest& found, const std::string& root,
                                  const std::vector<std::string>& defines);

Result<std::string> ReadTextFile(const std::string& path);
Status WriteTextFile(const std::string& path, const std::string& text);

}  // namespace mainstem::sqltest
