// Streaming decompression of .gz and .zst files. Private to filesystem. Not thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/status.h"

namespace mainstem::source {

class Decompressor {
 public:
  virtual ~Decompressor() = default;
  // Takes from the front of `input`, fills the front of `out`, returns the bytes made. 0 with input
  // left over does not happen: kDecodeError for what is not in the format.
  virtual Result<size_t> Run(std::string_view* input, std::span<std::byte> out) = 0;
  // The input so far ended with a complete stream: there may be more, there need not.
  virtual bool complete() const = 0;
};

// kUnsupported when the name's ending is that of a compression which is not read.
Status CheckCompression(const std::string& path);
// By the name's ending; null for a plain file.
std::unique_ptr<Decompressor> MakeDecompressorFor(const std::string& path);

}  // namespace mainstem::source
