// Typed reading of a format's options. Private to format/.
#pragma once

#include <string>
#include <vector>

#include "core/status.h"
#include "format/format.h"

namespace mainstem::format {

// Remembers the first bad value, so that a constructor reads all options and checks status() once.
class OptionReader {
 public:
  OptionReader(std::string format, const FormatOptions& options)
      : format_(std::move(format)), options_(options) {}

  bool Has(const std::string& name) const { return options_.count(name) > 0; }
  std::string Text(const std::string& name, std::string default_value) const;
  bool Bool(const std::string& name, bool default_value);
  // One of `choices`, whose index is returned; case is ignored.
  size_t Choice(const std::string& name, const std::vector<std::string>& choices,
                size_t default_index);
  // One byte; understands '\t' written as backslash and letter.
  char Character(const std::string& name, char default_value);
  void Fail(const std::string& name, std::string problem);
  const Status& status() const { return status_; }

 private:
  std::string format_;
  const FormatOptions& options_;
  Status status_;
};

}  // namespace mainstem::format
