// flink_cases DIR LIST [name part ...]: the cases taken from Flink in DIR; LIST names those that must
// pass.
#include <iostream>

#include "flink_cases.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: flink_cases DIR LIST [name part ...]\n";
    return 2;
  }
  return mainstem::sqltest::RunFlinkCases(argv[1], argv[2], {argv + 3, argv + argc}) == 0 ? 0 : 1;
}
