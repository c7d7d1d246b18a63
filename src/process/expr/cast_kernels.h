// Kernels of CAST for each pair of types. Internal to expr/.
#pragma once

#include <string>

#include "core/status.h"
#include "process/expr/function_registry.h"
#include "process/expr/vector.h"

namespace mainstem::process {

Result<Kernel> MakeCastKernel(const LogicalType& from, const LogicalType& to);
// Whether some value of `from` makes the cast fail (rather than give NULL).
bool CastCanFail(const LogicalType& from, const LogicalType& to);

// Appends the CAST-to-STRING text of a value; NULL as `null_text`. Used for nested types and
// ToText; `binary_as_hex` shows BYTES as x'..' instead of decoding them.
struct ValueTextOptions {
  absl::TimeZone time_zone;
  bool binary_as_hex = false;
};
void AppendValueText(const arrow::ArrayData& data, int64_t row, const LogicalType& type,
                     const ValueTextOptions& options, std::string* out);

}  // namespace mainstem::process
