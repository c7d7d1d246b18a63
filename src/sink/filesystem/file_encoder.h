// Rows into the bytes of one file: Parquet by Arrow's writer, Avro, or lines by a format's encoder.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <arrow/type_fwd.h>

#include "connector/options.h"
#include "core/status.h"
#include "format/changelog.h"

namespace mainstem::sink {

// One a file. CPU work only, over a millisecond: on the pool. Not thread-safe.
class FileEncoder {
 public:
  virtual ~FileEncoder() = default;
  virtual Status Write(const ChangelogBatch& rows) = 0;
  // Writes what is held back and the footer, if there is one; nothing may be written after.
  virtual Status Finish() = 0;
  // The bytes made since the last call; a part of the rows may still be held back.
  virtual std::string TakeBytes() = 0;
};

// Makes encoders of one kind. Immutable; any thread.
class FileEncoderFactory {
 public:
  struct Options {
    int64_t file_bytes = 0;                     // how great files are to be
    std::optional<std::string> delimiter = {};  // behind each row of a text format; none: '\n'
  };
  // `schema`: the columns that files hold. Refuses unknown formats, options and types.
  static Result<std::shared_ptr<const FileEncoderFactory>> Make(
      const connector::FormatChoice& choice, std::shared_ptr<arrow::Schema> schema,
      Options options);
  virtual ~FileEncoderFactory() = default;
  virtual Result<std::unique_ptr<FileEncoder>> MakeEncoder() const = 0;
  // Of the names of files: ".parquet".
  virtual std::string suffix() const = 0;
  // Its bytes are packed by the format itself, and made of rows without anything between them.
  virtual bool is_binary() const { return true; }
  // Rows may be updates and deletes.
  virtual bool takes_changes() const = 0;
};

}  // namespace mainstem::sink
