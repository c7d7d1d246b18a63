// Encodings, hashes, URLs and PRINTF.
#include <cstdio>

#include <absl/strings/escaping.h>
#include <fmt/format.h>
#include <openssl/evp.h>

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

bool Sha2(TextSink& sink, Text text, int64_t bits) {
  switch (bits) {
    case 224: AppendDigest(sink, text, EVP_sha224()); return true;
    case 256: AppendDigest(sink, text, EVP_sha256()); return true;
    case 384: AppendDigest(sink, text, EVP_sha384()); return true;
    case 512: AppendDigest(sink, text, EVP_sha512()); return true;
    default: return false;
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
                                   ReturnsNullable(LogicalType::VarChar(128)),
                                   StrictKernel<Text, Text, int64_t>(Sha2)}}});
}

// ---- Encodings
// -----------------------------------------------------------------------------------

// Text to bytes (encode) or back; false if a character has no place in the charset.
bool Transcode(RowErrors& errors, TextSink& sink, Text text, Text charset, bool encode) {
  const std::string name = UpperAscii(charset);
  if (name == "UTF-8" || name == "UTF8" || name == "US-ASCII" || name == "ASCII") {
    sink.Append(text);
    return true;
  }
  if (name != "ISO-8859-1" && name != "LATIN1") {
    errors.Fail(
        fmt::format("Unsupported charset '{}': UTF-8, US-ASCII and ISO-8859-1 are", charset));
    return false;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    if (!encode) {
      if (c < 0x80) {
        sink.Append(text[i]);
      } else {
        sink.Append(static_cast<char>(0xC0 | c >> 6));
        sink.Append(static_cast<char>(0x80 | (c & 0x3F)));
      }
    } else if (c < 0x80) {
      sink.Append(text[i]);
    } else if ((c == 0xC2 || c == 0xC3) && i + 1 < text.size()) {
      sink.Append(static_cast<char>((c & 3) << 6 | (text[++i] & 0x3F)));
    } else if ((c & 0xC0) == 0xC0) {
      sink.Append('?');
      while (i + 1 < text.size() && (text[i + 1] & 0xC0) == 0x80) ++i;
    }
  }
  return true;
}

bool FromBase64(TextSink& sink, Text text) {
  std::string out;
  if (!absl::Base64Unescape(View(text), &out)) return false;
  sink.Append(out);
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
                    .overloads = {{{Arg::kText}, kText, StrictKernel<Text, Text>(FromBase64)}}});
  const Kernel hex_text =
      StrictKernel<Text, Text>([](TextSink& sink, Text text) { AppendHex(sink, text, true); });
  Define(
      registry,
      {.name = "HEX",
       .overloads = {
           {{Arg::kInteger}, kText, StrictKernel<Text, int64_t>([](TextSink& sink, int64_t value) {
              sink.Append(fmt::format("{:X}", static_cast<uint64_t>(value)));
            })},
           {{Arg::kText}, kText, hex_text},
           {{Arg::kBinary}, kText, hex_text}}});
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
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      sink.Append(' ');
    } else if (text[i] != '%') {
      sink.Append(text[i]);
    } else {
      if (i + 2 >= text.size()) return false;
      const int high = HexDigit(text[i + 1]), low = HexDigit(text[i + 2]);
      if (high < 0 || low < 0) return false;
      sink.Append(static_cast<char>(high << 4 | low));
      i += 2;
    }
  }
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
  if (text.size() >= width) return text;
  const size_t missing = width - text.size();
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
  std::optional<int64_t> integer;
  std::optional<double> number;
};

std::optional<std::string> Converted(const PrintfArgument& arg, char conversion, int precision,
                                     Text flags) {
  const bool plus = flags.find('+') != Text::npos;
  switch (conversion) {
    case 's': return precision >= 0 ? arg.text.substr(0, static_cast<size_t>(precision)) : arg.text;
    case 'b': return arg.text == "FALSE" ? "false" : "true";
    case 'c': return arg.text.substr(0, CharacterOffset(arg.text, 1));
    case 'd':
      if (!arg.integer) return std::nullopt;
      return fmt::format("{}{}", plus && *arg.integer >= 0 ? "+" : "", *arg.integer);
    case 'x':
      if (!arg.integer) return std::nullopt;
      return fmt::format("{:x}", static_cast<uint64_t>(*arg.integer));
    case 'X':
      if (!arg.integer) return std::nullopt;
      return fmt::format("{:X}", static_cast<uint64_t>(*arg.integer));
    case 'f':
      if (!arg.number) return std::nullopt;
      return fmt::format("{}{:.{}f}", plus && *arg.number >= 0 ? "+" : "", *arg.number,
                         precision < 0 ? 6 : precision);
    case 'e':
      if (!arg.number) return std::nullopt;
      return fmt::format("{:.{}e}", *arg.number, precision < 0 ? 6 : precision);
    default: return std::nullopt;
  }
}

// %[flags][width][.precision]conversion with d s f x X c b e, %% and %n.
// False: the format and its arguments do not fit, which makes the result NULL.
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
    const size_t flags_begin = i;
    while (i < format.size() && Text("-+ 0#,(").find(format[i]) != Text::npos) ++i;
    const Text flags = format.substr(flags_begin, i - flags_begin);
    size_t width = 0;
    int precision = -1;
    while (i < format.size() && std::isdigit(static_cast<unsigned char>(format[i])) != 0) {
      width = width * 10 + static_cast<size_t>(format[i++] - '0');
    }
    if (i < format.size() && format[i] == '.') {
      for (precision = 0, ++i;
           i < format.size() && std::isdigit(static_cast<unsigned char>(format[i])) != 0; ++i) {
        precision = precision * 10 + (format[i] - '0');
      }
    }
    constexpr size_t kWidthMax = 1000;
    if (i == format.size() || next == args.size() || width > kWidthMax || precision > 1000)
      return false;
    auto converted = Converted(args[next++], format[i], precision, flags);
    if (!converted) return false;
    *out += PadTo(*std::move(converted), flags, width);
  }
  return true;
}

Kernel PrintfKernel() {
  return [](KernelScope& scope, std::span<const Vector> args) -> Result<Vector> {
    const ValueTextOptions options{.time_zone = scope.context().time_zone};
    const bool constant = AllConstant(args);
    const int64_t count = constant ? 1 : scope.row_count();
    if (args[0].IsConstantNull()) return ConstantNull(scope.type());
    ASSIGN_OR_RETURN(auto validity, AllocateBits(count, true, scope.pool()));
    const Validity valid(args[0]);
    const Column<Text> formats(args[0]);
    TextSink sink;
    RETURN_IF_ERROR(sink.Init(count, scope.pool()));
    std::vector<PrintfArgument> values(args.size() - 1);
    std::string out;
    for (int64_t row = 0; row < count; ++row) {
      for (size_t i = 1; i < args.size(); ++i) {
        const LogicalType& type = scope.arg_type(i);
        const int64_t at = args[i].constant ? 0 : row;
        PrintfArgument& value = values[i - 1];
        value = {};
        AppendValueText(*args[i].data, at, type, options, &value.text);
        if (value.text == "NULL") value.text = "null";
        if (args[i].data->IsNull(at)) continue;
        if (type.IsInteger()) value.integer = std::strtoll(value.text.c_str(), nullptr, 10);
        if (type.IsNumeric()) value.number = std::strtod(value.text.c_str(), nullptr);
      }
      out.clear();
      if (valid[row] && AppendPrintf(formats[row], values, &out)) {
        sink.Append(out);
      } else {
        arrow::bit_util::ClearBit(validity->mutable_data(), row);
      }
      sink.EndRow();
    }
    arrow::BufferVector buffers{validity};
    RETURN_IF_ERROR(sink.Finish(&buffers));
    return MakeVector(scope.type(), count, constant, std::move(buffers));
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
