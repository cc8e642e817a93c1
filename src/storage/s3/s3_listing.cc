#include "storage/s3/s3_listing.h"

#include <charconv>

#include "storage/s3/s3_client.h"
#include "storage/s3/timestamp.h"
#include "storage/s3/xml.h"

namespace tarn {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// A time as S3 writes it, or as servers do that take HTTP's form here too; 0 for anything else.
int64_t ParseTime(std::string_view text) {
  const int64_t micros = ParseIsoTime(text);
  return micros != 0 ? micros : ParseHttpTime(text);
}

/// Undoes `encoding-type=url`: percent codes, and '+' for a space.
std::string UrlDecode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
        HexDigit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

}  // namespace

Result<S3Page> ParseListPage(std::string_view document) {
  S3Page page;
  ObjectInfo object;
  bool truncated = false;
  bool encoded = false;
  bool is_list = false;
  const Status status = ReadXml(document, [&](std::string_view path, std::string&& text) -> Status {
    constexpr std::string_view kRoot = "ListBucketResult";
    if (path == kRoot) is_list = true;
    if (!path.starts_with(kRoot) || path.size() <= kRoot.size()) return {};
    path.remove_prefix(kRoot.size() + 1);
    if (path == "Contents/Key") {
      object.key = std::move(text);
    } else if (path == "Contents/Size") {
      object.size_bytes = -1;
      std::from_chars(text.data(), text.data() + text.size(), object.size_bytes);
    } else if (path == "Contents/LastModified") {
      object.modified_micros = ParseTime(text);
    } else if (path == "Contents") {
      if (object.key.empty() || object.size_bytes < 0) {
        return Corruption("the server's listing has an object without key or size");
      }
      // What has no age must not be taken for something old, which upkeep removes.
      if (object.modified_micros <= 0) {
        return Corruption("the server's listing does not tell when " + object.key + " was written",
                          "use a store that lists `LastModified` as S3 does");
      }
      page.objects.push_back(std::move(object));
      object = {};
    } else if (path == "IsTruncated") {
      truncated = text == "true";
    } else if (path == "NextContinuationToken") {
      page.next = std::move(text);
    } else if (path == "EncodingType") {
      encoded = text == "url";
    }
    return {};
  });
  TARN_RETURN_IF_ERROR(status);
  if (!is_list) return Corruption("the server's answer is not a listing");
  if (encoded) {
    for (ObjectInfo& info : page.objects) info.key = UrlDecode(info.key);
  }
  if (truncated && page.next.empty()) {
    return Corruption("the server's listing is cut and says not where to go on");
  }
  if (!truncated) page.next.clear();
  return page;
}

Status ListObjects(S3Client& client, std::string_view prefix,
                   const std::function<Status(const ObjectInfo&)>& visit) {
  std::string next;
  std::string last;
  do {
    NameValues query{{"list-type", "2"},
                     {"encoding-type", "url"},
                     {"max-keys", "1000"},
                     {"prefix", client.FullKey(prefix)}};
    if (!next.empty()) query.emplace_back("continuation-token", next);
    S3Page page;
    const auto parse = [&](const HttpResponse& response) -> Status {
      TARN_ASSIGN_OR_RETURN(page,
                            ParseListPage(response.body).Wrap("cannot list " + client.root_uri()));
      return {};
    };
    TARN_RETURN_IF_ERROR(
        client.Call({.method = "GET", .query = std::move(query), .check = parse}, "list"));
    for (ObjectInfo& info : page.objects) {
      if (!info.key.starts_with(client.prefix())) continue;
      info.key.erase(0, client.prefix().size());
      if (!ValidateKey(info.key).ok()) continue;
      if (!last.empty() && info.key <= last) {
        return Unsupported("cannot list " + client.root_uri() +
                               ": the endpoint does not list in the order of keys (\"" + info.key +
                               "\" after \"" + last + "\")",
                           "use a general purpose bucket; directory buckets list in no order");
      }
      TARN_RETURN_IF_ERROR(visit(info));
      last = std::move(info.key);
    }
    next = std::move(page.next);
  } while (!next.empty());
  return {};
}

}  // namespace tarn
