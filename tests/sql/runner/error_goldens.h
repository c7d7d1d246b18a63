// What wrong statements are answered: tests/sql/errors/*.errors. A file is blocks between lines of
// "====": a script, a line "----", the error with place, caret and hint. A first block without
// "----" is run before each of the others.
#pragma once

#include <string>

#include "connector/registry.h"

namespace mainstem::sqltest {

// Prints what differs; returns how many do. With `rewrite` the files are made as they should be.
struct ErrorGoldenOptions {
  std::string directory;
  bool rewrite = false;
};
int RunErrorGoldens(const ErrorGoldenOptions& options,
                    const connector::ConnectorRegistry& connectors);

}  // namespace mainstem::sqltest
