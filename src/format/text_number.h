// Numbers as text, by the rules of the dialect (which are Java's): what a string may look like to
// become a number, and how a number is written. Pure functions over caller's memory; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

namespace mainstem::format {

// Letters A to Z count as their small ones.
bool EqualsIgnoringCase(std::string_view a, std::string_view b);

// Without the characters up to and including ' ' at both ends.
std::string_view TrimText(std::string_view text);

// An optional sign and decimal digits, nothing else; false when malformed or out of T's range.
// T: int8_t, int16_t, int32_t, int64_t.
template <typename T>
bool ParseInteger(std::string_view text, T* value);

// "1", "-1.5e3", ".5", "NaN", "Infinity"; a value too great becomes infinite.
bool ParseDouble(std::string_view text, double* value);
bool ParseFloat(std::string_view text, float* value);

// True for a number as RFC 8259 has it.
bool IsJsonNumber(std::string_view text);

enum class DecimalOutcome : uint8_t { kOk, kOverflow, kMalformed };
// Exact; digits beyond `scale` are rounded half up (away from zero). kOverflow: more digits than
// `precision` remain.
DecimalOutcome ParseDecimal(std::string_view text, int precision, int scale,
                            arrow::Decimal128* value);

// "1.0", "1.0E10", "NaN": the shortest digits that read back as the same value.
void AppendDoubleText(double value, std::string* out);
void AppendFloatText(float value, std::string* out);

enum class DecimalStyle : uint8_t {
  kPlain,               // "10.00"
  kStrippedPlain,       // "10": without trailing zeros
  kStrippedScientific,  // "1E+1": the same, with an exponent where the digits ask for one
};
void AppendDecimalText(const arrow::Decimal128& value, int scale, DecimalStyle style,
                       std::string* out);

}  // namespace mainstem::format
