// The option 'sink.compression': the bytes of one file, compressed as a whole.
//
//   gzip           RFC 1952
//   zip            APPNOTE 6.3: one deflated entry, its sizes behind it (flag bit 3), zip64 never
//   snappy         Google's framing format: stream identifier, chunks of 64 KiB with masked CRC-32C
//   hadoop-snappy  blocks: u32 length, u32 compressed length, raw snappy; big endian, 256 KiB each
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/status.h"

namespace mainstem::sink {

enum class FileCompression : uint8_t { kNone, kGzip, kZip, kSnappy, kHadoopSnappy };
// In the order of the enum, as the option names them.
inline constexpr std::string_view kFileCompressionNames[] = {"none", "gzip", "zip", "snappy",
                                                             "hadoop-snappy"};
// What names of files end with: ".gz"; empty for kNone.
std::string_view SuffixOf(FileCompression compression);

// One a file. CPU work only, over a millisecond: on the pool. Not thread-safe.
class FileCompressor {
 public:
  virtual ~FileCompressor() = default;
  // What these bytes add to the file; a part may be held back.
  virtual Result<std::string> Write(std::string_view bytes) = 0;
  // The rest of the file; nothing may be written after.
  virtual Result<std::string> Finish() = 0;
};
// Null for kNone. `entry_name`: of the file within a zip.
Result<std::unique_ptr<FileCompressor>> MakeFileCompressor(FileCompression compression,
                                                           std::string entry_name);

}  // namespace mainstem::sink
