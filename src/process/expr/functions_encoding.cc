// Encodings, hashes, URLs and PRINTF.
#include <algorithm>
#include <cstdio>

#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include "format/utf8.h"
#include "process/expr/cast_kernels.h"
#include "process/expr/functions.h"

namespace mainstem::process {
namespace {

absl::string_view View(Text text) { return {text.data(), text.size()}; }

void AppendHex(TextSink& sink, Text bytes, bool upper) {
  const char* digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  for (char c : bytes) {
    sink.Append(digits[static_cast<unsigned char>(c) >> 4]);
    sink.Append(digits[c & 0xF]);
  }
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = static_cast<char>(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// ---- Hashes
// --------------------------------------------------------------------------------------

void AppendDigest(TextSink& sink, Text bytes, const EVP_MD* algorithm) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), digest, &size, algorithm, nullptr) == 1);
  AppendHex(sink, Text(reinterpret_cast<const char*>(digest), size), false);
}

void DefineHash(FunctionRegistry* registry, std::string name, const EVP_MD* algorithm) {
  const ResultType type = Returns(LogicalType::Char(EVP_MD_get_size(algorithm) * 2));
  const Kernel kernel = StrictKernel<Text, Text>(
      [algorithm](TextSink& sink, Text text) { AppendDigest(sink, text, algorithm); });
  Define(registry, {.name = std::move(name),
                    .overloads = {{{Arg::kText}, type, kernel}, {{Arg::kBinary}, type, kernel}}});
}

bool Sha2(RowErrors& errors, TextSink& sink, Text text, int64_t bits) {
  switch (bits) {
    case 224: AppendDigest(sink, text, EVP_sha224()); return true;
    case 256: AppendDigest(sink, text, EVP_sha256()); return true;
    case 384: AppendDigest(sink, text, EVP_sha384()); return true;
    case 512: AppendDigest(sink, text, EVP_sha512()); return true;
    default:
      errors.Fail(fmt::format("SHA2 of {} bits does not exist: 224, 256, 384 and 512 do", bits));
      return false;
  }
}

void AddHashes(FunctionRegistry* registry) {
  DefineHash(registry, "MD5", EVP_md5());
  DefineHash(registry, "SHA1", EVP_sha1());
  DefineHash(registry, "SHA224", EVP_sha224());
  DefineHash(registry, "SHA256", EVP_sha256());
  DefineHash(registry, "SHA384", EVP_sha384());
  DefineHash(registry, "SHA512", EVP_sha512());
  Define(registry, {.name = "SHA2",
                    .overloads = {{{Arg::kText, Arg::kInteger},
                                   Returns(LogicalType::VarChar(128)),
                                   StrictKernel<Text, Text, int64_t>(Sha2)}},
                    .flags = kCanFail});
}

// ---- Encodings
// -----------------------------------------------------------------------------------

enum class Charset : uint8_t { kUtf8, kAscii, kLatin1, kUtf16, kUtf16Big, kUtf16Little };

std::optional<Charset> CharsetOf(Text name) {
  const std::string upper = UpperAscii(name);
  if (upper == "UTF-8" || upper == "UTF8") return Charset::kUtf8;
  if (upper == "US-ASCII" || upper == "ASCII") return Charset::kAscii;
  if (upper == "ISO-8859-1" || upper == "LATIN1") return Charset::kLatin1;
  if (upper == "UTF-16") return Charset::kUtf16;
  if (upper == "UTF-16BE") return Charset::kUtf16Big;
  if (upper == "UTF-16LE") return Charset::kUtf16Little;
  return std::nullopt;
}

void AppendUtf8(TextSink& sink, uint32_t value) {
  sink.Append(format::Utf8Character(value).bytes());
}

// A STRING holds no other bytes.
void AppendValidUtf8(TextSink& sink, Text bytes) {
  std::string scratch;
  sink.Append(format::ReplaceInvalidUtf8(bytes, &scratch));
}

void AppendUnit(TextSink& sink, uint32_t unit, bool little) {
  const char high = static_cast<char>(unit >> 8), low = static_cast<char>(unit & 0xFF);
  sink.Append(little ? low : high);
  sink.Append(little ? high : low);
}

void Encode(TextSink& sink, Text text, Charset charset) {
  if (charset == Charset::kUtf8) return sink.Append(text);
  const bool little = charset == Charset::kUtf16Little;
  if (charset == Charset::kUtf16 && !text.empty()) AppendUnit(sink, 0xFEFF, little);
  for (size_t i = 0; i < text.size();) {
    const uint32_t c = format::NextCodePoint(text, &i);
    if (charset == Charset::kAscii || charset == Charset::kLatin1) {
      sink.Append(c < (charset == Charset::kAscii ? 0x80U : 0x100U) ? static_cast<char>(c) : '?');
    } else if (c < 0x10000) {
      AppendUnit(sink, c, little);
    } else {
      AppendUnit(sink, 0xD800 + ((c - 0x10000) >> 10), little);
      AppendUnit(sink, 0xDC00 + ((c - 0x10000) & 0x3FF), little);
    }
  }
}

void Decode(TextSink& sink, Text bytes, Charset charset) {
  constexpr uint32_t kReplacement = 0xFFFD;
  if (charset == Charset::kUtf8) return AppendValidUtf8(sink, bytes);
  if (charset == Charset::kAscii || charset == Charset::kLatin1) {
    for (const char c : bytes) {
      const auto value = static_cast<unsigned char>(c);
      AppendUtf8(sink, charset == Charset::kAscii && value >= 0x80 ? kReplacement : value);
    }
    return;
  }
  bool little = charset == Charset::kUtf16Little;
  const auto unit = [&](size_t i) {
    const uint32_t first = static_cast<unsigned char>(bytes[i]);
    const uint32_t second = static_cast<unsigned char>(bytes[i + 1]);
    return little ? second << 8 | first : first << 8 | second;
  };
  size_t i = 0;
  if (charset == Charset::kUtf16 && bytes.size() >= 2 && (unit(0) == 0xFEFF || unit(0) == 0xFFFE)) {
    little = unit(0) == 0xFFFE;
    i = 2;
  }
  for (; i + 1 < bytes.size(); i += 2) {
    uint32_t c = unit(i);
    if (c >= 0xD800 && c < 0xDC00 && i + 3 < bytes.size() && unit(i + 2) >> 10 == 0x37) {
      c = 0x10000 + ((c - 0xD800) << 10) + (unit(i + 2) - 0xDC00);
      i += 2;
    } else if (c >= 0xD800 && c < 0xE000) {
      c = kReplacement;
    }
    AppendUtf8(sink, c);
  }
  if (i < bytes.size()) AppendUtf8(sink, kReplacement);
}

// Text to bytes (encode) or back.
bool Transcode(RowErrors& errors, TextSink& sink, Text text, Text name, bool encode) {
  const std::optional<Charset> charset = CharsetOf(name);
  if (!charset) {
    errors.Fail(fmt::format(
        "Unsupported charset '{}': UTF-8, UTF-16, UTF-16BE, UTF-16LE, US-ASCII and ISO-8859-1 are",
        name));
    return false;
  }
  if (encode) {
    Encode(sink, text, *charset);
  } else {
    Decode(sink, text, *charset);
  }
  return true;
}

bool FromBase64(RowErrors& errors, TextSink& sink, Text text) {
  std::string out;
  const auto known = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/' || c == '=';
  };
  if (!std::all_of(text.begin(), text.end(), known) || !absl::Base64Unescape(View(text), &out)) {
    errors.Fail(fmt::format("'{}' is not Base64", text.substr(0, 100)));
    return false;
  }
  AppendValidUtf8(sink, out);
  return true;
}

bool Unhex(TextSink& sink, Text text) {
  size_t i = 0;
  if (text.size() % 2 == 1) {
    if (HexDigit(text[0]) < 0) return false;
    sink.Append(static_cast<char>(HexDigit(text[i++])));
  }
  for (; i < text.size(); i += 2) {
    const int high = HexDigit(text[i]), low = HexDigit(text[i + 1]);
    if (high < 0 || low < 0) return false;
    sink.Append(static_cast<char>(high << 4 | low));
  }
  return true;
}

void AppendBinaryDigits(TextSink& sink, int64_t value) {
  const uint64_t bits = static_cast<uint64_t>(value);
  int top = 63;
  while (top > 0 && (bits >> top & 1) == 0) --top;
  for (; top >= 0; --top) sink.Append((bits >> top & 1) != 0 ? '1' : '0');
}

void AddEncodings(FunctionRegistry* registry) {
  const ResultType bytes = Returns(LogicalType::Bytes());
  Define(registry,
         {.name = "ENCODE",
          .overloads = {{{Arg::kText, Arg::kText},
                         bytes,
                         StrictKernel<Text, Text, Text>(
                             [](RowErrors& errors, TextSink& sink, Text text, Text charset) {
                               return Transcode(errors, sink, text, charset, true);
                             })}},
          .flags = kCanFail});
  Define(registry,
         {.name = "DECODE",
          .overloads = {{{Arg::kBinary, Arg::kText},
                         kText,
                         StrictKernel<Text, Text, Text>(
                             [](RowErrors& errors, TextSink& sink, Text text, Text charset) {
                               return Transcode(errors, sink, text, charset, false);
                             })}},
          .flags = kCanFail});
  const Kernel to_base64 = StrictKernel<Text, Text>([](TextSink& sink, Text text) {
    std::string out;
    absl::Base64Escape(View(text), &out);
    sink.Append(out);
  });
  Define(registry,
         {.name = "TO_BASE64",
          .overloads = {{{Arg::kText}, kText, to_base64}, {{Arg::kBinary}, kText, to_base64}}});
  Define(registry, {.name = "FROM_BASE64",
                    .overloads = {{{Arg::kText}, kText, StrictKernel<Text, Text>(FromBase64)}},
                    .flags = kCanFail});
  const Kernel hex_text =
      StrictKernel<Text, Text>([](TextSink& sink, Text text) { AppendHex(sink, text, true); });
  Define(
      registry,
      {.name = "HEX",
       .overloads = {
           {{Arg::kInteger}, kText, StrictKernel<Text, int64_t>([](TextSink& sink, int64_t value) {
              sink.Append(fmt::format("{:X}", static_cast<uint64_t>(value)));
            })},
           {{Arg::kText}, kText, hex_text}}});
  Define(registry, {.name = "UNHEX",
                    .overloads = {{{Arg::kText},
                                   ReturnsNullable(LogicalType::Bytes()),
                                   StrictKernel<Text, Text>(Unhex)}}});
  Define(
      registry,
      {.name = "BIN",
       .overloads = {{{Arg::kInteger}, kText, StrictKernel<Text, int64_t>(AppendBinaryDigits)}}});
}

// ---- URLs
// ----------------------------------------------------------------------------------------

struct Url {
  Text scheme, authority, path, query, fragment;
  bool has_query = false, has_fragment = false;
};

std::optional<Url> SplitUrl(Text text) {
  Url url;
  const size_t colon = text.find(':');
  if (colon == Text::npos || colon == 0) return std::nullopt;
  url.scheme = text.substr(0, colon);
  text.remove_prefix(colon + 1);
  if (const size_t hash = text.find('#'); hash != Text::npos) {
    url.fragment = text.substr(hash + 1);
    url.has_fragment = true;
    text = text.substr(0, hash);
  }
  if (const size_t mark = text.find('?'); mark != Text::npos) {
    url.query = text.substr(mark + 1);
    url.has_query = true;
    text = text.substr(0, mark);
  }
  if (text.starts_with("//")) {
    text.remove_prefix(2);
    const size_t slash = text.find('/');
    url.authority = text.substr(0, slash);
    text = slash == Text::npos ? Text() : text.substr(slash);
  }
  url.path = text;
  return url;
}

Text HostOf(Text authority) {
  if (const size_t at = authority.rfind('@'); at != Text::npos) authority.remove_prefix(at + 1);
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

bool ParseUrl(TextSink& sink, Text text, Text part) {
  const auto url = SplitUrl(text);
  if (!url) return false;
  const auto put = [&](Text value, bool present = true) {
    if (present) sink.Append(value);
    return present;
  };
  if (part == "PROTOCOL") return put(url->scheme);
  if (part == "AUTHORITY") return put(url->authority, !url->authority.empty());
  if (part == "HOST") return put(HostOf(url->authority), !url->authority.empty());
  if (part == "PATH") return put(url->path);
  if (part == "QUERY") return put(url->query, url->has_query);
  if (part == "REF") return put(url->fragment, url->has_fragment);
  if (part == "FILE") {
    sink.Append(url->path);
    if (url->has_query) sink.Append('?');
    return put(url->query);
  }
  const size_t at = url->authority.rfind('@');
  if (part == "USERINFO") return put(url->authority.substr(0, at), at != Text::npos);
  return false;
}

bool ParseUrlKey(TextSink& sink, Text text, Text part, Text key) {
  const auto url = SplitUrl(text);
  if (!url || part != "QUERY") return false;
  Text query = url->query;
  while (!query.empty()) {
    const size_t end = query.find('&');
    const Text pair = query.substr(0, end);
    const size_t equals = pair.find('=');
    if (equals != Text::npos && pair.substr(0, equals) == key) {
      sink.Append(pair.substr(equals + 1));
      return true;
    }
    if (end == Text::npos) break;
    query.remove_prefix(end + 1);
  }
  return false;
}

void UrlEncode(TextSink& sink, Text text) {
  for (char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' ||
                       c == '.' || c == '*';
    if (plain) {
      sink.Append(c);
    } else if (c == ' ') {
      sink.Append('+');
    } else {
      sink.Append('%');
      AppendHex(sink, Text(&c, 1), true);
    }
  }
}

bool UrlDecode(TextSink& sink, Text text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      bytes += ' ';
    } else if (text[i] != '%') {
      bytes += text[i];
    } else {
      if (i + 2 >= text.size()) return false;
      const int high = HexDigit(text[i + 1]), low = HexDigit(text[i + 2]);
      if (high < 0 || low < 0) return false;
      bytes += static_cast<char>(high << 4 | low);
      i += 2;
    }
  }
  AppendValidUtf8(sink, bytes);
  return true;
}

void AddUrls(FunctionRegistry* registry) {
  Define(registry,
         {.name = "PARSE_URL",
          .overloads = {
              {{Arg::kText, Arg::kText}, kTextNullable, StrictKernel<Text, Text, Text>(ParseUrl)},
              {{Arg::kText, Arg::kText, Arg::kText},
               kTextNullable,
               StrictKernel<Text, Text, Text, Text>(ParseUrlKey)}}});
  Define(registry,
         {.name = "URL_ENCODE",
          .overloads = {{{Arg::kText}, kTextNullable, StrictKernel<Text, Text>(UrlEncode)}}});
  Define(registry,
         {.name = "URL_DECODE",
          .overloads = {{{Arg::kText}, kTextNullable, StrictKernel<Text, Text>(UrlDecode)}}});
}

// ---- PRINTF
// --------------------------------------------------------------------------------------

std::string PadTo(std::string text, Text flags, size_t width) {
  const auto count = static_cast<size_t>(CharacterCount(text));
  if (count >= width) return text;
  const size_t missing = width - count;
  if (flags.find('-') != Text::npos) return text + std::string(missing, ' ');
  if (flags.find('0') != Text::npos) {
    const size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    return text.insert(sign, missing, '0');
  }
  return std::string(missing, ' ') + text;
}

// Text and number of an argument of a row.
struct PrintfArgument {
  std::string text;
  bool is_null = false;
  std::optional<int64_t> integer;
  uint64_t bits = 0;  // of `integer`, as many as its type has
  std::optional<double> floating;
};

// 1,234,567
std::string Grouped(std::string digits) {
  const size_t sign = digits[0] == '-' || digits[0] == '+' ? 1 : 0;
  for (size_t at = digits.size(); at > sign + 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::optional<std::string> Converted(const PrintfArgument& arg, char conversion, int precision,
                                     Text flags) {
  const bool plus = flags.find('+') != Text::npos;
  const bool grouped = flags.find(',') != Text::npos;
  const auto cut = [precision](std::string text) {
    return precision >= 0 ? text.substr(0, CharacterOffset(text, precision)) : text;
  };
  if (conversion == 'b') return cut(arg.is_null || arg.text == "false" ? "false" : "true");
  if (arg.is_null) return cut("null");
  if (conversion == 's') return cut(arg.text);
  if (arg.integer) {
    switch (conversion) {
      case 'd': {
        std::string digits =
            fmt::format("{}{}", plus && *arg.integer >= 0 ? "+" : "", *arg.integer);
        return grouped ? Grouped(std::move(digits)) : digits;
      }
      case 'x': return fmt::format("{:x}", arg.bits);
      case 'X': return fmt::format("{:X}", arg.bits);
      case 'o': return fmt::format("{:o}", arg.bits);
      default: return std::nullopt;
    }
  }
  if (!arg.floating) return std::nullopt;
  const char* sign = plus && *arg.floating >= 0 ? "+" : "";
  const int digits = precision < 0 ? 6 : precision;
  if (conversion == 'e') return fmt::format("{}{:.{}e}", sign, *arg.floating, digits);
  if (conversion != 'f') return std::nullopt;
  std::string text = fmt::format("{}{:.{}f}", sign, *arg.floating, digits);
  if (!grouped) return text;
  const size_t point = std::min(text.find('.'), text.size());
  return Grouped(text.substr(0, point)) + text.substr(point);
}

// As java.util.Formatter: %[number$][flags][width][.precision]conversion with d s f x X o b e, %%
// and %n. False: the format and its arguments do not fit, which makes the result NULL.
bool AppendPrintf(Text format, const std::vector<PrintfArgument>& args, std::string* out) {
  size_t next = 0;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      *out += format[i];
      continue;
    }
    if (++i == format.size()) return false;
    if (format[i] == '%' || format[i] == 'n') {
      *out += format[i] == '%' ? '%' : '\n';
      continue;
    }
    size_t chosen = next;
    size_t digits_end = i;
    while (digits_end < format.size() &&
           std::isdigit(static_cast<unsigned char>(format[digits_end])) != 0) {
      ++digits_end;
    }
    const bool is_numbered = digits_end > i && digits_end - i < 4 && digits_end < format.size() &&
                             format[digits_end] == '$';
    if (is_numbered) {
      chosen = static_cast<size_t>(std::stoi(std::string(format.substr(i, digits_end - i)))) - 1;
      i = digits_end + 1;
    } else {
      ++next;
    }
    const size_t flags_begin = i;
    while (i < format.size() && Text("-+ 0#,(").find(format[i]) != Text::npos) ++i;
    const Text flags = format.substr(flags_begin, i - flags_begin);
    size_t width = 0;
    int precision = -1;
    while (i < format.size() && std::isdigit(static_cast<unsigned char>(format[i])) != 0) {
      width = std::min<size_t>(width * 10 + static_cast<size_t>(format[i++] - '0'), 1'000'000);
    }
    if (i < format.size() && format[i] == '.') {
      for (precision = 0, ++i;
           i < format.size() && std::isdigit(static_cast<unsigned char>(format[i])) != 0; ++i) {
        precision = std::min(precision * 10 + (format[i] - '0'), 1'000'000);
      }
    }
    constexpr size_t kWidthMax = 1000;
    if (i == format.size() || chosen >= args.size() || width > kWidthMax || precision > 1000)
      return false;
    auto converted = Converted(args[chosen], format[i], precision, flags);
    if (!converted) return false;
    // Zeros go before numbers only.
    const Text pad = !args[chosen].is_null ? flags : flags.find('-') != Text::npos ? "-" : "";
    *out += PadTo(*std::move(converted), pad, width);
  }
  return true;
}

void ReadPrintfArgument(const arrow::ArrayData& data, int64_t at, const LogicalType& type,
                        const ValueTextOptions& options, PrintfArgument* value) {
  *value = {};
  AppendValueText(data, at, type, options, &value->text);
  value->is_null = data.IsNull(at);
  if (type.root() == TypeRoot::kBoolean) absl::AsciiStrToLower(&value->text);
  if (value->is_null) return;
  if (type.IsInteger()) {
    value->integer = std::strtoll(value->text.c_str(), nullptr, 10);
    value->bits = static_cast<uint64_t>(*value->integer);
    if (type.root() == TypeRoot::kTinyInt) value->bits &= 0xFFU;
    if (type.root() == TypeRoot::kSmallInt) value->bits &= 0xFFFFU;
    if (type.root() == TypeRoot::kInteger) value->bits &= 0xFFFFFFFFU;
  } else if (type.IsNumeric() && type.root() != TypeRoot::kDecimal) {
    value->floating = std::strtod(value->text.c_str(), nullptr);
  }
}

Kernel PrintfKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    const ValueTextOptions options{.time_zone = scope.context().time_zone};
    if (args[0].IsConstantNull()) return ConstantNull(scope.type());
    const Validity valid(args[0]);
    const Column<Text> formats(args[0]);
    std::vector<PrintfArgument> values(args.size() - 1);
    std::string out;
    return RunText(scope, args, [&](int64_t row, TextSink& sink) -> Result<bool> {
      for (size_t i = 1; i < args.size(); ++i) {
        const int64_t at = args[i].constant ? 0 : row;
        ReadPrintfArgument(*args[i].data, at, scope.arg_type(i), options, &values[i - 1]);
      }
      out.clear();
      if (!valid[row] || !AppendPrintf(formats[row], values, &out)) return false;
      sink.Append(out);
      return true;
    });
  };
}

Result<Signature> InferPrintf(const CallSite& site) {
  if (!MatchesArg(site.type(0), Arg::kText)) return site.CannotApply("'PRINTF(<CHARACTER>, ...)'");
  Signature signature{
      .result = LogicalType::String(), .args = site.types(), .kernel = PrintfKernel()};
  signature.args[0] = WantedType(site.type(0), Arg::kText);
  return signature;
}

}  // namespace

void AddEncodingFunctions(FunctionRegistry* registry) {
  AddHashes(registry);
  AddEncodings(registry);
  AddUrls(registry);
  DefineInfer(registry, "PRINTF", 1, -1, InferPrintf);
}

}  // namespace mainstem::process
