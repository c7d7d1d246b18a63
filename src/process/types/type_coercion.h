// Which types combine: least common type (UNION, CASE, VALUES, comparison), result types of decimal
// arithmetic, implicit casts (INSERT, arguments) and the matrix of explicit casts. Pure functions.
#pragma once

#include <optional>
#include <span>

#include "process/types/logical_type.h"

namespace mainstem::process {

// The type all of `types` widen to, or nullopt. Nullable if any is. CHARs of different lengths
// become VARCHAR. No character <-> number conversion.
std::optional<LogicalType> LeastCommonType(std::span<const LogicalType> types);
std::optional<LogicalType> LeastCommonType(const LogicalType& a, const LogicalType& b);

// Whether a value of `from` may be used where `to` is wanted without CAST (INSERT, function
// arguments).
bool IsImplicitlyCastable(const LogicalType& from, const LogicalType& to);
// Whether values of `from` that differ still differ as `to`, and none fails.
bool KeepsDifferences(const LogicalType& from, const LogicalType& to);
// Whether CAST(x AS to) is allowed at all.
bool IsExplicitlyCastable(const LogicalType& from, const LogicalType& to);

// An integer type as a DECIMAL that holds all its values; a DECIMAL as it is.
LogicalType AsDecimal(const LogicalType& exact_numeric);

// Result types of decimal arithmetic; precision over 38 is capped by cutting the scale (not below
// 6).
LogicalType DecimalPlusType(const LogicalType& a, const LogicalType& b);
LogicalType DecimalTimesType(const LogicalType& a, const LogicalType& b);
LogicalType DecimalDivideType(const LogicalType& a, const LogicalType& b);
LogicalType DecimalModType(const LogicalType& a, const LogicalType& b);
// ROUND/TRUNCATE(decimal, digits).
LogicalType DecimalRoundType(const LogicalType& a, int32_t digits);

}  // namespace mainstem::process
