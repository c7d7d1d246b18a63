// Picks rows of a column by index: what filters, exchanges, joins and windows are made of.
// HOT PATH: one tight loop for each buffer of a column, nested children included.
#pragma once

#include <cstdint>
#include <memory>

#include <arrow/type_fwd.h>

#include "core/status.h"

namespace mainstem::process {

// Row i of the result is row rows[i] of `column`; with kNullIndexes a negative index gives NULL,
// without it indexes must not be negative. The same type, offset 0.
enum class TakeNulls : uint8_t { kNone, kNullIndexes };
Result<std::shared_ptr<arrow::ArrayData>> TakeColumn(const arrow::ArrayData& column,
                                                     const int32_t* rows, int64_t count,
                                                     TakeNulls nulls, arrow::MemoryPool* pool);

}  // namespace mainstem::process
