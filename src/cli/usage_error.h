// What is wrong with a command line, said with the word that is wrong and the one that was meant.
#pragma once

#include "core/status.h"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace mainstem::cli {

// `app`: the root, as it stands after `error` ended its parsing.
Status UsageError(const CLI::App& app, const CLI::ParseError& error);

}  // namespace mainstem::cli
