// The .slt format: a text file of sections, each begun by a line "-- <kind> ...":
//
//   -- file NAME             lines of a file, at ${DIR}/NAME, for 'filesystem' tables
//   -- input TABLE.jsonl     rows of a table, whatever its connector (sqltest/fixture.h)
//   -- setup                 statements that every query of the file begins with
//   -- query                 one query; its answer follows:
//   -- expect changelog      rows in order: "+I | a | 1"
//   -- expect final          the folded rows, sorted, without kind: "a | 1"
//   -- expect error          a part of the message
//
// Lines beginning with "--- " are comments. Blank lines at a section's end do not count.
#pragma once

#include <string>
#include <vector>

#include "core/status.h"

namespace mainstem::sqltest {

struct SltSection {
  std::string kind;      // "file", "input", "setup", "query", "expect"
  std::string argument;  // file name; "changelog", "final" or "error"
  std::vector<std::string> lines;
  int line = 1;  // where it begins
};

Result<std::vector<SltSection>> ParseSlt(const std::string& text);
std::string PrintSlt(const std::vector<SltSection>& sections);

}  // namespace mainstem::sqltest
