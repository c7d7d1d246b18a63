// flink_cases DIR LIST [name part ...]: the cases taken from Flink in DIR; LIST names those that
// must pass. flink_cases errors DIR [rewrite]: what wrong statements are answered.
#include <iostream>
#include <string_view>

#include "error_goldens.h"
#include "flink_cases.h"
#include "server/connectors.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: flink_cases DIR LIST [name part ...]\n"
                 "       flink_cases errors DIR [rewrite]\n";
    return 2;
  }
  const auto connectors = mainstem::server::MakeConnectorRegistry({});
  if (std::string_view(argv[1]) == "errors") {
    const bool rewrite = argc > 3 && std::string_view(argv[3]) == "rewrite";
    const mainstem::sqltest::ErrorGoldenOptions options{.directory = argv[2], .rewrite = rewrite};
    return mainstem::sqltest::RunErrorGoldens(options, connectors) == 0 ? 0 : 1;
  }
  const int failed =
      mainstem::sqltest::RunFlinkCases(argv[1], argv[2], connectors, {argv + 3, argv + argc});
  return failed == 0 ? 0 : 1;
}
