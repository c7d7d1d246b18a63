// sql_runner --tests DIR [--flink-cases DIR] [--rewrite] [name part ...]
#include <algorithm>
#include <filesystem>
#include <iostream>

#include "flink_cases.h"
#include "sqltest/slt_run.h"

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  std::string tests, cases;
  mainstem::sqltest::SltOptions options;
  std::vector<std::string> filters;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    if (argument == "--tests" && i + 1 < argc) {
      tests = argv[++i];
    } else if (argument == "--flink-cases" && i + 1 < argc) {
      cases = argv[++i];
    } else if (argument == "--rewrite") {
      options.rewrite = true;
    } else {
      filters.push_back(argument);
    }
  }
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(tests)) {
    std::string path = entry.path().string();
    bool wanted = filters.empty();
    for (const std::string& filter : filters) wanted |= path.find(filter) != std::string::npos;
    if (wanted && path.ends_with(".slt")) files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  int failed = 0;
  for (const std::string& file : files) {
    std::string name = fs::relative(file, tests).string();
    auto wrong = mainstem::sqltest::RunSltFile(file, options);
    std::cout << (options.rewrite ? "written  "
                  : wrong.empty() ? "pass     "
                                  : "FAIL     ")
              << name << "\n";
    for (const std::string& text : wrong) std::cout << text << "\n";
    failed += wrong.empty() ? 0 : 1;
  }
  if (!cases.empty() && !options.rewrite) {
    failed += mainstem::sqltest::RunFlinkCases(cases, tests + "/flink_cases.txt", filters);
  }
  return failed == 0 ? 0 : 1;
}
