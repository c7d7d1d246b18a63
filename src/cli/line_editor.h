// Lines typed at a terminal, with editing and a history that outlives the process (libedit, bound
// as in ~/.editrc). One thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cli/signals.h"

namespace mainstem::cli {

class LineEditor {
 public:
  // The history is kept at `history_path`, readable by its owner alone; empty: it is not kept.
  // `interrupt` is borrowed; Read clears it.
  LineEditor(std::string history_path, InterruptFlag* interrupt);
  ~LineEditor();

  struct Line {
    std::string text;
    bool is_cancelled = false;  // by Ctrl-C
  };
  // nullopt: the input has ended (Ctrl-D). `continues`: the line goes on with the statement of the
  // line before. What seems to hold a secret, and the statement's lines behind it, are in no
  // history.
  std::optional<Line> Read(std::string prompt, bool continues);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// $XDG_STATE_HOME/mainstem/sql_history, in ~/.local/state without it; its folder is made. Empty
// when there is no such place.
std::string SqlHistoryPath();

}  // namespace mainstem::cli
