#include "storage/object_store.h"

#include <algorithm>
#include <cstring>

#include "base/sha256.h"

namespace tarn {
namespace {

constexpr size_t kKeyBytesMax = 1024;     // S3's limit, the store's own prefix included
constexpr size_t kSegmentBytesMax = 255;  // NAME_MAX
constexpr size_t kPlainNameBytesMax = 100;
constexpr size_t kKeptBytesMax = 60;

/// The length of the UTF-8 sequence at the start of `text` (RFC 3629), 0 when it is none.
size_t Utf8SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  // The second byte's range excludes overlong forms, surrogates and what lies beyond U+10FFFF.
  const unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
  }
  return length;
}

const char* TextFault(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return "has a control character";
    const size_t length = Utf8SequenceLength(text.substr(i));
    if (length == 0) return "is not valid UTF-8";
    i += length;
  }
  return nullptr;
}

enum class LastSegment { kWhole, kMayBeCut };

const char* SegmentsFault(std::string_view key, LastSegment last) {
  for (bool first = true;; first = false) {
    const size_t slash = key.find('/');
    const bool at_end = slash == std::string_view::npos;
    if (at_end && last == LastSegment::kMayBeCut) return nullptr;
    const std::string_view segment = key.substr(0, slash);
    if (segment.empty()) return "has an empty segment";
    if (segment == "." || segment == "..") return "has a \".\" or \"..\" segment";
    if (segment.size() > kSegmentBytesMax) return "has a segment of more than 255 bytes";
    if (first && segment == kReservedFolder) return "lies in a reserved folder";
    if (at_end) return nullptr;
    key.remove_prefix(slash + 1);
  }
}

// The faulty bytes themselves would break a terminal or a log.
std::string Printable(std::string_view key) {
  std::string text;
  for (const char c : key.substr(0, 200)) {
    const auto byte = static_cast<unsigned char>(c);
    text.push_back(byte < 0x20 || byte >= 0x7f ? '?' : c);
  }
  if (key.size() > 200) text.append("…");
  return text;
}

Status CheckKey(std::string_view key, LastSegment last, std::string_view what) {
  const char* fault = nullptr;
  if (key.empty() && last == LastSegment::kWhole) {
    fault = "is empty";
  } else if (key.size() > kKeyBytesMax) {
    fault = "is longer than 1024 bytes";
  } else if (fault = TextFault(key); fault == nullptr) {
    fault = SegmentsFault(key, last);
  }
  if (fault == nullptr) return {};
  return InvalidArgument(std::string(what) + " \"" + Printable(key) + "\" " + fault);
}

/// "file" and "/x" of "file:///x"; a bare path is of scheme "file".
struct Place {
  std::string_view scheme;
  std::string_view path;
};

Place SplitUri(std::string_view uri) {
  const size_t colon = uri.find(':');
  const size_t slash = uri.find('/');
  if (colon == std::string_view::npos || slash < colon) return {"file", uri};
  Place place{uri.substr(0, colon), uri.substr(colon + 1)};
  const auto drop = [&](std::string_view prefix) {
    if (place.path.substr(0, prefix.size()) == prefix) place.path.remove_prefix(prefix.size());
  };
  drop("//");
  if (place.scheme == "file") drop("localhost");
  if (place.scheme == "s3a" || place.scheme == "s3n") place.scheme = "s3";
  return place;
}

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

}  // namespace

Status ObjectStore::ReadRange(std::string_view key, int64_t offset, std::span<char> out) {
  TARN_ASSIGN_OR_RETURN(const std::string bytes,
                        GetRange(key, offset, static_cast<int64_t>(out.size())));
  std::memcpy(out.data(), bytes.data(), out.size());
  return {};
}

Result<ReadExtent> ObjectStore::ReadUpTo(std::string_view key, int64_t offset,
                                         std::span<char> out) {
  TARN_RETURN_IF_ERROR(ValidateRange(key, offset, static_cast<int64_t>(out.size())));
  TARN_ASSIGN_OR_RETURN(const ObjectInfo info, Head(key));
  const int64_t there = std::max<int64_t>(0, info.size_bytes - offset);
  const size_t length = std::min(out.size(), static_cast<size_t>(there));
  if (length > 0) TARN_RETURN_IF_ERROR(ReadRange(key, offset, out.first(length)));
  return ReadExtent{static_cast<int64_t>(length), info.size_bytes};
}

Status ObjectStore::RemoveEmptyFolders(std::string_view prefix) { return ValidatePrefix(prefix); }

std::string ObjectStore::UriOf(std::string_view key) const {
  std::string uri = root_uri();
  return uri.append("/").append(key);
}

Result<std::string> ObjectStore::KeyOf(std::string_view uri) const {
  const Place root = SplitUri(root_uri());
  Place place = SplitUri(uri);
  const auto elsewhere = [&] {
    return InvalidArgument("\"" + Printable(uri) + "\" does not lie under " + root_uri());
  };
  if (place.scheme != root.scheme || place.path.substr(0, root.path.size()) != root.path) {
    return elsewhere();
  }
  place.path.remove_prefix(root.path.size());
  if (place.path.empty() || place.path.front() != '/') return elsewhere();
  place.path.remove_prefix(1);
  if (!place.path.empty() && place.path.back() == '/') place.path.remove_suffix(1);
  TARN_RETURN_IF_ERROR(ValidateKey(place.path).Wrap("\"" + Printable(uri) + "\""));
  return std::string(place.path);
}

Status ValidateKey(std::string_view key) { return CheckKey(key, LastSegment::kWhole, "key"); }

Status ValidatePrefix(std::string_view prefix) {
  return CheckKey(prefix, LastSegment::kMayBeCut, "prefix");
}

Status ValidateRange(std::string_view key, int64_t offset, int64_t length) {
  TARN_RETURN_IF_ERROR(ValidateKey(key));
  if (offset >= 0 && length >= 0 && offset <= INT64_MAX - length) return {};
  return InvalidArgument("range of " + std::to_string(length) + " bytes from " +
                         std::to_string(offset) + " of \"" + std::string(key) +
                         "\" is not a range");
}

Error RangeBeyondEnd(std::string_view uri, int64_t offset, int64_t length, int64_t size_bytes) {
  return Corruption(std::string(uri) + " has only " + std::to_string(size_bytes) +
                        " bytes, wanted " + std::to_string(length) + " from " +
                        std::to_string(offset),
                    "the file was cut short or replaced by something that is not Tarn");
}

namespace {

constexpr size_t kHashBytes = 10;

/// Whether a plain name looks like one that was given a hash: it gets one as well, so that the two
/// never meet.
bool EndsInHash(std::string_view name) {
  constexpr size_t kTail = 1 + 2 * kHashBytes;
  if (name.size() < kTail || name[name.size() - kTail] != '-') return false;
  return name.substr(name.size() - kTail + 1).find_first_not_of("0123456789abcdef") ==
         std::string_view::npos;
}

}  // namespace

std::string PathSegment(std::string_view name) {
  bool plain = !name.empty() && name.front() != '.' && name.size() <= kPlainNameBytesMax;
  std::string segment;
  for (const char c : name) {
    // One '_' stands for a whole character: bytes that continue one are left out.
    if (IsPlain(c)) {
      segment.push_back(c);
    } else {
      plain = false;
      if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) segment.push_back('_');
    }
  }
  if (plain && !EndsInHash(segment)) return segment;
  if (segment.size() > kKeptBytesMax) segment.resize(kKeptBytesMax);
  if (!segment.empty() && segment.front() == '.') segment.front() = '_';
  const Sha256Digest digest = Sha256(name);
  return segment + "-" + HexEncode(AsBytes(digest).substr(0, kHashBytes));
}

}  // namespace tarn
